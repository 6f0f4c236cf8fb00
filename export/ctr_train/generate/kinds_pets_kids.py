"""Kinds of product for pets and children, and how people ask for them."""

from __future__ import annotations

from ctr_train.generate.product_type import kind

PETS_AND_KIDS = (
    kind(
        "dog bed",
        "pets",
        (25, 150),
        "Orthopedic Dog Bed|Plush Pet Lounger",
        "dog bed|where my puppy sleeps|comfy spot for an old labrador|canine sleeping cushion"
        "|hound napping place|basket for a terrier",
    ),
    kind(
        "cat tree",
        "pets",
        (40, 230),
        "Cat Tree Tower|Cat Scratching Post",
        "kitten climbing furniture|stop claws ruining the couch|cat tree|feline playground"
        "|perch for tabby|place to scratch for kitty",
    ),
    kind(
        "aquarium",
        "pets",
        (45, 380),
        "Glass Aquarium Kit|Betta Fish Tank",
        "home for goldfish|fish tank|glass tank for guppies|aquarium|underwater pets habitat"
        "|tropical fish setup",
    ),
    kind(
        "dog leash",
        "pets",
        (10, 50),
        "Retractable Dog Leash|Nylon Walking Lead",
        "walk my puppy|lead for a poodle|dog leash|stop the hound from running off"
        "|pulling on walks|puppy walking tether",
    ),
    kind(
        "pet food",
        "pets",
        (18, 95),
        "Grain Free Kibble|Salmon Dry Dog Food",
        "feed my retriever|kibble|nutrition for puppies|dog food"
        "|what to fill the hound's bowl with|meals for a spaniel",
    ),
    kind(
        "litter box",
        "pets",
        (18, 210),
        "Covered Litter Box|Self Cleaning Cat Toilet",
        "kitten toilet|where my cat pees|litter box|no smell from feline waste|tray for kitty"
        "|cat bathroom",
    ),
    kind(
        "hamster cage",
        "pets",
        (28, 140),
        "Hamster Cage|Two Level Rodent Habitat",
        "house for a gerbil|hamster cage|home for mice as pets|small rodent enclosure"
        "|guinea pig living space|wheel and tunnels for my hamster",
    ),
    kind(
        "pet brush",
        "pets",
        (9, 45),
        "Deshedding Pet Brush|Slicker Grooming Comb",
        "remove loose fur|dog hair everywhere|pet brush|comb for a fluffy cat"
        "|shedding season help|groom my collie",
    ),
    kind(
        "building blocks",
        "kids",
        (15, 130),
        "Toy Building Bricks Set|Wooden Toy Blocks",
        "lego|construction bricks|stackable blocks for preschool|building blocks"
        "|stacking toy for a six year old|toy bricks for future engineers",
    ),
    kind(
        "stroller",
        "kids",
        (90, 780),
        "Lightweight Stroller|Jogging Baby Carriage",
        "push the baby around town|baby pram|buggy for a newborn|stroller"
        "|toddler transport on walks|baby pushchair",
    ),
    kind(
        "doll",
        "kids",
        (14, 85),
        "Fashion Doll|Baby Doll Nursery Set",
        "barbie|pretend mommy toy|doll|birthday gift for a girl who likes dress up"
        "|figurine with outfits|toy infant",
    ),
    kind(
        "board game",
        "kids",
        (15, 75),
        "Family Board Game|Strategy Tabletop Game",
        "fun for rainy evenings together|board game|monopoly|dice and cards night"
        "|monopoly alternative|entertain four players",
    ),
    kind(
        "kids bike",
        "kids",
        (70, 320),
        "Balance Bike|16 Inch Kids Bicycle",
        "learn to ride on two wheels|first bicycle|kids bike|training wheels for five year old"
        "|cycle for my daughter|children pedal riding",
    ),
    kind(
        "crib",
        "kids",
        (120, 640),
        "Convertible Crib|Wooden Baby Cot",
        "where the newborn sleeps|baby bed|crib|nursery furniture for infant|cot"
        "|safe sleeping for baby",
    ),
    kind(
        "baby monitor",
        "kids",
        (35, 260),
        "Video Baby Monitor|Nursery Audio Monitor",
        "hear the infant cry from another room|baby monitor|watch my newborn sleeping"
        "|camera for nursery|check on the little one|parent unit with night vision",
    ),
    kind(
        "puzzle",
        "kids",
        (10, 45),
        "1000 Piece Jigsaw|Wooden Picture Puzzle",
        "jigsaw|put pieces together|puzzle|picture to assemble with grandma"
        "|brain teaser for a quiet weekend|interlocking pieces game",
    ),
)
