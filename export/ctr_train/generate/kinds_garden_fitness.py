"""Kinds of product for the garden and for exercise, and how people ask for them."""

from __future__ import annotations

from ctr_train.generate.product_type import kind

GARDEN_AND_FITNESS = (
    kind(
        "garden hose",
        "garden",
        (22, 95),
        "Expandable Garden Hose|Rubber Watering Hose",
        "water the lawn|hosepipe|flexible pipe for the yard|garden hose|rinse the patio"
        "|reach flower beds with water",
    ),
    kind(
        "lawn mower",
        "garden",
        (150, 720),
        "Cordless Lawn Mower|Self Propelled Grass Cutter",
        "cut the grass|trim my yard|lawn mower|keep turf short|grass cutting machine"
        "|mow a big backyard",
    ),
    kind(
        "grill",
        "garden",
        (90, 850),
        "Propane Barbecue Grill|Charcoal Kettle Grill",
        "bbq|cook burgers outdoors|backyard cookout|smoke ribs outside|grill"
        "|flame cooking for summer parties",
    ),
    kind(
        "planter",
        "garden",
        (14, 90),
        "Ceramic Flower Pot|Terracotta Planter",
        "pot for houseplants|container to grow herbs|planter|where to put my succulents"
        "|balcony vegetable tub|home for a fern",
    ),
    kind(
        "pruner",
        "garden",
        (12, 60),
        "Bypass Pruning Shears|Hedge Clippers",
        "trim rose bushes|secateurs|cut branches|shape a hedge|garden scissors"
        "|scissors for dead stems",
    ),
    kind(
        "bird feeder",
        "garden",
        (14, 70),
        "Hanging Bird Feeder|Squirrel Proof Seed Feeder",
        "attract finches to the yard|feed wild birds|bird feeder"
        "|place for sunflower seeds outside|robins and sparrows food station"
        "|watch cardinals from the window",
    ),
    kind(
        "patio umbrella",
        "garden",
        (45, 240),
        "Tilting Patio Umbrella|Cantilever Sun Parasol",
        "shade for the terrace|keep sun off outdoor table|sun shade for the patio"
        "|cover from heat on the deck|patio umbrella|sunshade over garden chairs",
    ),
    kind(
        "wheelbarrow",
        "garden",
        (55, 190),
        "Steel Wheelbarrow|Folding Barrow Cart",
        "haul soil and gravel|cart to move compost|wheelbarrow"
        "|cart to carry bricks across the yard|barrow for mulch|cart for firewood",
    ),
    kind(
        "yoga mat",
        "fitness",
        (16, 90),
        "Cork Yoga Mat|Nonslip Exercise Mat",
        "floor padding for stretching|yoga mat|pilates cushion|padding for downward dog pose"
        "|do sit ups on the floor|meditation and asana pad",
    ),
    kind(
        "dumbbell",
        "fitness",
        (25, 320),
        "Adjustable Dumbbells|Hex Hand Weights",
        "build arm muscles|lift weights at home|dumbbells|strength training irons|bicep curls"
        "|gain muscle equipment",
    ),
    kind(
        "treadmill",
        "fitness",
        (280, 1500),
        "Folding Treadmill|Under Desk Walking Pad",
        "run indoors|jogging machine|treadmill|walk while it rains outside"
        "|cardio running at home|get my steps in the house",
    ),
    kind(
        "jump rope",
        "fitness",
        (8, 35),
        "Speed Jump Rope|Beaded Skipping Rope",
        "skip for cardio|jump rope|boxer warm up cord|rope for double unders"
        "|cheap way to burn calories hopping|skipping workout",
    ),
    kind(
        "running shoes",
        "fitness",
        (55, 190),
        "Cushioned Running Shoes|Trail Runners",
        "footwear for a marathon|sneakers to jog in|running shoes|trainers for 10k race"
        "|comfortable jogging sneakers|what to wear on feet for sprinting",
    ),
    kind(
        "resistance bands",
        "fitness",
        (10, 50),
        "Resistance Bands|Elastic Workout Bands",
        "stretchy straps for workout|physio rubber bands|resistance bands"
        "|elastic straps for glute exercise|rehab elastic bands|elastic strength training",
    ),
    kind(
        "exercise bike",
        "fitness",
        (180, 1300),
        "Indoor Cycling Bike|Stationary Exercise Bike",
        "spin class at home|pedal while watching tv|stationary bicycle|exercise bike"
        "|low impact cardio pedaling|indoor cycle trainer",
    ),
    kind(
        "punching bag",
        "fitness",
        (45, 230),
        "Heavy Punching Bag|Freestanding Boxing Bag",
        "practice boxing|hit and kick target for boxers|punching bag"
        "|kickboxing training target|learn jabs and hooks|muay thai gym gear",
    ),
)
