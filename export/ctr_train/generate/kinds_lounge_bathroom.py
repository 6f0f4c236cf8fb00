"""Kinds of product for the lounge and the bathroom, and how people ask for them."""

from __future__ import annotations

from ctr_train.generate.product_type import kind

LOUNGE_AND_BATHROOM = (
    kind(
        "sofa",
        "lounge",
        (350, 1900),
        "Three Seat Couch|Sectional Sofa",
        "comfy settee|couch for the living room|seat for the whole family|sofa"
        "|place to nap and watch tv|loveseat or davenport",
    ),
    kind(
        "coffee table",
        "lounge",
        (70, 420),
        "Oak Coffee Table|Glass Cocktail Table",
        "low table in front of the couch|low table for magazines|coffee table"
        "|living room centerpiece table|somewhere to rest my drink by the sofa"
        "|lounge tea table",
    ),
    kind(
        "bookshelf",
        "lounge",
        (55, 330),
        "Ladder Bookcase|Five Tier Bookshelf",
        "place for my novels|store paperbacks|bookshelf|library furniture"
        "|display books upright|shelving for reading collection",
    ),
    kind(
        "floor lamp",
        "lounge",
        (40, 210),
        "Arc Floor Lamp|Torchiere Standing Lamp",
        "tall light for the corner|reading light beside the sofa|standing lamp"
        "|brighten a dim living room|upright lighting|illuminate my armchair",
    ),
    kind(
        "rug",
        "lounge",
        (45, 380),
        "Woven Area Rug|Shag Carpet",
        "carpet for hardwood floor|soft floor covering|rug|cover cold tiles in the lounge"
        "|persian floor covering|cozy floor covering",
    ),
    kind(
        "wall art",
        "lounge",
        (20, 160),
        "Framed Canvas Print|Abstract Wall Art",
        "decorate an empty wall|painting to hang|picture to frame for above the sofa"
        "|poster for the lounge|wall art|artwork as housewarming gift",
    ),
    kind(
        "tv stand",
        "lounge",
        (80, 480),
        "Media Console|Television Stand",
        "furniture for my flat screen television|tv stand|entertainment unit"
        "|cabinet under the television|hide game console cables|tv bench",
    ),
    kind(
        "candle",
        "lounge",
        (9, 45),
        "Scented Soy Candle|Beeswax Pillar Candle",
        "scent to make the room smell nice|vanilla fragrance for home|candle"
        "|wax light for romantic dinner|wick and wax aroma|lavender scent burning",
    ),
    kind(
        "towel",
        "bathroom",
        (14, 80),
        "Turkish Bath Towels|Egyptian Cotton Towel Set",
        "dry off after a shower|towels|absorbent cloth for the body|wrap myself after bathing"
        "|terry washcloths|spa quality drying linen",
    ),
    kind(
        "bath mat",
        "bathroom",
        (12, 50),
        "Memory Foam Bath Mat|Chenille Bathroom Rug",
        "stop slipping when stepping out of the shower|bath mat|soak up water on tiles"
        "|dry feet next to the tub|absorbent floor pad in washroom"
        "|anti slip pad by the bathtub",
    ),
    kind(
        "shower head",
        "bathroom",
        (18, 130),
        "Rainfall Shower Head|Handheld Shower Sprayer",
        "increase water pressure when washing|shower head|replace a leaky bathroom nozzle"
        "|spa rain spray|hose sprayer for bathing|stronger jet in the shower",
    ),
    kind(
        "toothbrush",
        "bathroom",
        (18, 160),
        "Sonic Electric Toothbrush|Rotating Tooth Cleaner",
        "brush teeth better|plaque removal|oral hygiene device|toothbrush"
        "|whiter smile every day|dentist recommended brushing",
    ),
    kind(
        "hair dryer",
        "bathroom",
        (22, 190),
        "Ionic Hair Dryer|Salon Blow Dryer",
        "blow dry my hair|hairdryer|wet hair in the morning|quick blowout at home"
        "|dry curls with diffuser|hot air styling",
    ),
    kind(
        "laundry basket",
        "bathroom",
        (14, 65),
        "Wicker Laundry Hamper|Collapsible Clothes Basket",
        "place for dirty clothes|hamper|collect washing before laundry day|laundry basket"
        "|bin for worn shirts|carry clothes to the washing machine",
    ),
    kind(
        "bathroom scale",
        "bathroom",
        (18, 85),
        "Digital Body Scale|Smart Weight Scale",
        "weigh myself|track my weight|bathroom scales|how many kilos am i|body fat measuring"
        "|check pounds lost on a diet",
    ),
    kind(
        "vanity mirror",
        "bathroom",
        (20, 120),
        "Lighted Vanity Mirror|Magnifying Makeup Mirror",
        "see my face while applying makeup|mirror with leds|shaving reflection close up"
        "|cosmetic mirror|tweeze eyebrows with magnification"
        "|looking glass for the dressing table",
    ),
)
