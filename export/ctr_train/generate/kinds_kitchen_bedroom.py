"""Kinds of product for the kitchen and the bedroom, and how people ask for them."""

from __future__ import annotations

from ctr_train.generate.product_type import kind

KITCHEN_AND_BEDROOM = (
    kind(
        "travel mug",
        "kitchen",
        (14, 45),
        "Insulated Travel Mug|Vacuum Thermos Tumbler",
        "something to keep coffee hot in my bag|thermos cup for commuting"
        "|leakproof thermal cup|thermos flask|cup so tea stays warm|spill free cup for the car",
    ),
    kind(
        "coffee maker",
        "kitchen",
        (45, 320),
        "Drip Coffee Machine|Espresso Brewer",
        "coffee maker|barista drinks at home|cappuccino appliance|make lattes myself"
        "|morning caffeine brewing|americano and latte maker",
    ),
    kind(
        "frying pan",
        "kitchen",
        (22, 110),
        "Nonstick Skillet|Cast Iron Frypan",
        "frying pan|fry eggs without sticking|sear a steak on the stove|pancake cookware"
        "|pan to saute vegetables|stovetop cooking pan",
    ),
    kind(
        "cutting board",
        "kitchen",
        (12, 60),
        "Bamboo Chopping Block|Acacia Cutting Board",
        "surface to slice vegetables on|cutting board|protect the counter from knives"
        "|wooden slab for carving roast|board to dice onions on|butcher block",
    ),
    kind(
        "knife set",
        "kitchen",
        (30, 220),
        "Chef Blade Set|Kitchen Knife Block",
        "sharp cutlery for cooking|chef knives|slice meat cleanly|cook's cutting tools"
        "|santoku and paring collection|carving utensils",
    ),
    kind(
        "blender",
        "kitchen",
        (35, 260),
        "Countertop Blender|Smoothie Maker",
        "puree soup|crush ice for cocktails|make fruit shakes|liquidiser"
        "|protein shake mixing jug|smoothie blender",
    ),
    kind(
        "kettle",
        "kitchen",
        (20, 90),
        "Electric Kettle|Gooseneck Water Boiler",
        "boil water fast|heat water for tea|kettle|hot water for pour over"
        "|cordless jug for boiling|instant noodles hot water",
    ),
    kind(
        "food boxes",
        "kitchen",
        (10, 55),
        "Airtight Pantry Canisters|Glass Meal Prep Boxes",
        "keep leftovers fresh|tupperware|store flour and pasta|lunch packing tubs"
        "|food storage containers|sealed jars for cereal",
    ),
    kind(
        "bed sheets",
        "bedroom",
        (25, 140),
        "Cotton Bed Sheets|Sateen Fitted Sheet Set",
        "bed linen|sheets for a queen mattress|soft percale bedding|crisp hotel style linens"
        "|cover my mattress in cotton|fresh sleeping linen",
    ),
    kind(
        "duvet",
        "bedroom",
        (40, 240),
        "Down Alternative Comforter|Goose Feather Duvet",
        "warm quilt for winter|fluffy blanket for the bed|comforter|quilted bed cover"
        "|thick covers for cold nights|quilt insert",
    ),
    kind(
        "pillow",
        "bedroom",
        (15, 90),
        "Memory Foam Pillow|Cervical Support Cushion",
        "stop neck pain while sleeping|head rest for side sleepers|pillow"
        "|ergonomic sleeping support|neck ache at night|firm headrest for bed",
    ),
    kind(
        "mattress",
        "bedroom",
        (220, 1400),
        "Hybrid Spring Mattress|Gel Foam Mattress",
        "something comfortable to sleep on|bed without back pain|mattress|replace my saggy bed"
        "|orthopedic sleeping surface|new bed base top",
    ),
    kind(
        "dresser",
        "bedroom",
        (90, 520),
        "Six Drawer Dresser|Tallboy Chest of Drawers",
        "drawers for folded clothes|chest of drawers|drawers for socks and shirts"
        "|bedroom bureau with drawers|clothing storage cabinet|drawers for my sweaters",
    ),
    kind(
        "alarm clock",
        "bedroom",
        (14, 70),
        "Digital Alarm Clock|Sunrise Wake Lamp",
        "wake up on time|stop oversleeping|bedside time display|gentle morning wake up"
        "|alarm clock|get out of bed earlier",
    ),
    kind(
        "blackout curtain",
        "bedroom",
        (22, 110),
        "Blackout Curtains|Thermal Window Drapes",
        "block sunlight from the bedroom|darken the room|curtains|fabric to hang over windows"
        "|keep street light out|shade for night shift workers",
    ),
    kind(
        "night light",
        "bedroom",
        (8, 35),
        "Plug In Night Light|Motion Sensor Hall Lamp",
        "see my way to the toilet after dark|soft glow in the hallway|night light"
        "|lamp for a child afraid of the dark|dim lamp for the corridor"
        "|automatic glow for stairs",
    ),
)
