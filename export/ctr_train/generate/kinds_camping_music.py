"""Kinds of product for camping and for musicians, and how people ask for them."""

from __future__ import annotations

from ctr_train.generate.product_type import kind

CAMPING_AND_MUSIC = (
    kind(
        "tent",
        "camping",
        (70, 520),
        "Four Person Tent|Backpacking Dome Shelter",
        "sleep outdoors at a festival|tent|shelter for family camping|canvas home in the woods"
        "|overnight hike accommodation|pitch camp quickly",
    ),
    kind(
        "sleeping bag",
        "camping",
        (35, 230),
        "Mummy Sleeping Bag|Down Camping Quilt",
        "stay warm at night in the mountains|sleeping bag|zip up bedding for camp"
        "|bed roll for scouts|cold weather bivouac bedding|cocoon for outdoor nights",
    ),
    kind(
        "headlamp",
        "camping",
        (15, 80),
        "Rechargeable Headlamp|LED Camping Lantern",
        "hands free light on trails|torch for camp|torch to see in the dark outdoors|headlamp"
        "|lantern for tent|illuminate night hike",
    ),
    kind(
        "hiking backpack",
        "camping",
        (45, 260),
        "Trekking Backpack|Mountain Hiking Rucksack",
        "pack to carry gear on a hike|rucksack|pack for hikers|mountain hiking pack"
        "|appalachian trail pack|backpack for trekking",
    ),
    kind(
        "camp stove",
        "camping",
        (28, 160),
        "Portable Camp Stove|Butane Backpacking Burner",
        "cook meals in the wild|gas cooker for hiking|camping stove|boil ramen on the trail"
        "|heat food at a campsite|lightweight burner for trekking",
    ),
    kind(
        "camping chair",
        "camping",
        (22, 110),
        "Folding Camp Chair|Collapsible Hiking Stool",
        "sit around the fire|portable seat for fishing|camping chair"
        "|foldable seating for concerts|beach and tailgate seat|stool for anglers",
    ),
    kind(
        "cooler",
        "camping",
        (30, 330),
        "Hard Ice Chest|Soft Sided Cooler",
        "keep beer cold at the beach|ice box for picnic|cooler|chilled drinks on a road trip"
        "|cool box|transport frozen food",
    ),
    kind(
        "water filter",
        "camping",
        (20, 120),
        "Straw Water Filter|Gravity Water Purifier",
        "drink safely from a stream|make river water clean|water filter for hiking"
        "|remove bacteria from lake water|survival purification|potable water outdoors",
    ),
    kind(
        "guitar",
        "music",
        (110, 900),
        "Acoustic Guitar|Dreadnought Six String",
        "learn to strum songs|instrument for campfire singing|guitar|play folk chords"
        "|beginner fretted instrument|fingerpicking ballads",
    ),
    kind(
        "keyboard piano",
        "music",
        (130, 950),
        "Digital Piano|88 Key Stage Keyboard",
        "practice chopin with headphones|electric piano|weighted keys instrument"
        "|play sonatas in an apartment|keyboard for music lessons|learn piano chords at home",
    ),
    kind(
        "drum kit",
        "music",
        (200, 1100),
        "Five Piece Drum Set|Electronic Drum Kit",
        "percussion for a rock band|drum set|bang out rhythms|snare and cymbals"
        "|practice beats quietly|start drumming",
    ),
    kind(
        "violin",
        "music",
        (90, 750),
        "Student Violin Outfit|Spruce Fiddle",
        "bowed instrument for orchestra|violin|string section instrument|play bluegrass fiddle"
        "|stradivarius style instrument|vivaldi practice",
    ),
    kind(
        "ukulele",
        "music",
        (35, 190),
        "Concert Ukulele|Mahogany Soprano Uke",
        "hawaiian four string instrument|tiny instrument for island tunes|ukulele"
        "|small strumming instrument|hawaiian instrument|play hawaiian songs",
    ),
    kind(
        "microphone",
        "music",
        (35, 330),
        "Condenser Microphone|USB Podcast Mic",
        "record my voice|start a podcast|singing into a computer|microphone"
        "|vocal recording device|streaming audio capture",
    ),
    kind(
        "turntable",
        "music",
        (70, 520),
        "Belt Drive Turntable|Vinyl Record Player",
        "listen to old lps|record player|play my dad's vinyl|spin albums|turntable"
        "|phonograph for 33 rpm discs",
    ),
    kind(
        "music stand",
        "music",
        (14, 70),
        "Folding Music Stand|Orchestra Sheet Holder",
        "hold my notes while playing|music stand|prop up scores at rehearsal"
        "|rest for songbooks|conductor podium desk|sheet holder for band practice",
    ),
)
