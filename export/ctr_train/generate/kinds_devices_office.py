"""Kinds of product for people online and at work, and how people ask for them."""

from __future__ import annotations

from ctr_train.generate.product_type import kind

DEVICES_AND_OFFICE = (
    kind(
        "laptop",
        "electronics",
        (420, 1900),
        "14 Inch Notebook Computer|Ultrabook Laptop",
        "portable pc|computer for college|laptop|pc to write essays on"
        "|computer for coding on trains|macbook alternative",
    ),
    kind(
        "phone",
        "electronics",
        (180, 1200),
        "5G Smartphone|Unlocked Mobile Handset",
        "cell phone|device to call and text|new android|smartphone|mobile with good camera"
        "|replace my iphone",
    ),
    kind(
        "phone case",
        "electronics",
        (9, 45),
        "Shockproof Phone Case|Clear Bumper Cover",
        "protect my mobile from drops|phone case|cracked screen prevention"
        "|sleeve for my smartphone|shell for iphone|cell protector",
    ),
    kind(
        "headphones",
        "electronics",
        (30, 380),
        "Noise Cancelling Headphones|Wireless Earbuds",
        "listen to songs on a plane|block out noisy coworkers|earphones|headphones"
        "|bluetooth ear pieces|hear no noise on the subway",
    ),
    kind(
        "power bank",
        "electronics",
        (18, 95),
        "20000mAh Power Bank|Portable Battery Pack",
        "charge my phone without a socket|dead battery while travelling|power bank"
        "|spare juice for devices|external charger|keep mobile alive all day",
    ),
    kind(
        "smartwatch",
        "electronics",
        (60, 430),
        "GPS Smartwatch|Heart Rate Fitness Tracker",
        "count my steps on the wrist|wearable for runners|smart watch|monitor pulse and sleep"
        "|wrist notifications|apple watch alternative",
    ),
    kind(
        "monitor",
        "electronics",
        (120, 780),
        "27 Inch Monitor|Curved Ultrawide Display",
        "bigger screen for my computer|second display|monitor|pc screen for gaming"
        "|4k panel for editing|work on two screens",
    ),
    kind(
        "router",
        "electronics",
        (45, 330),
        "WiFi 6 Router|Mesh Network System",
        "faster internet at home|weak wireless signal upstairs|router"
        "|wifi coverage for big house|broadband box|fix wifi dead zones",
    ),
    kind(
        "desk",
        "office",
        (110, 720),
        "Standing Desk|Height Adjustable Workstation",
        "work upright|table for home office|desk|sit stand furniture|place for my computer"
        "|workstation for remote work",
    ),
    kind(
        "office chair",
        "office",
        (85, 650),
        "Ergonomic Mesh Chair|Executive Swivel Seat",
        "sit comfortably for eight hours|lumbar support at work|office chair"
        "|rolling seat for desk|computer seating|back pain while typing",
    ),
    kind(
        "keyboard",
        "office",
        (25, 190),
        "Mechanical Keyboard|Wireless Typing Board",
        "type faster|keyboard|clicky keys for programmers|qwerty input device"
        "|keys for my computer|wireless typing",
    ),
    kind(
        "mouse",
        "office",
        (14, 110),
        "Optical Computer Mouse|Vertical Wireless Mouse",
        "move the cursor|pointing device|computer mouse|scroll wheel clicker"
        "|wrist friendly pointer|trackball alternative",
    ),
    kind(
        "printer",
        "office",
        (70, 480),
        "Color Inkjet Printer|Laser Printer",
        "put documents on paper|print photos at home|printer|copy and scan machine"
        "|device for hard copies of contracts|print boarding passes",
    ),
    kind(
        "shredder",
        "office",
        (35, 210),
        "Cross Cut Paper Shredder|Micro Cut Document Destroyer",
        "destroy confidential letters|destroy bank statements|shredder|destroy private papers"
        "|cut paper into confetti|dispose of old bills securely",
    ),
    kind(
        "fountain pen",
        "office",
        (15, 160),
        "Fountain Pen|Calligraphy Ink Nib Set",
        "elegant writing instrument|sign letters in style|fountain pen|write with ink"
        "|calligraphy tool|gift for someone who handwrites",
    ),
    kind(
        "notebook",
        "office",
        (8, 40),
        "Hardcover Journal|Dotted Paper Notebook",
        "write down my thoughts|diary|paper for meeting notes|bullet journaling"
        "|notebook with blank pages|paper to keep a daily log",
    ),
)
