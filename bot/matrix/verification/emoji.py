"""The 64 emoji of the short authentication string, with the names of the Matrix spec ("SAS method: emoji")."""

from __future__ import annotations

from typing import NamedTuple


class Emoji(NamedTuple):
    """One picture, and what it is called."""

    symbol: str
    name: str


_TABLE = """
🐶 Dog,  🐱 Cat,  🦁 Lion,  🐎 Horse,
🦄 Unicorn,  🐷 Pig,  🐘 Elephant,  🐰 Rabbit,
🐼 Panda,  🐓 Rooster,  🐧 Penguin,  🐢 Turtle,
🐟 Fish,  🐙 Octopus,  🦋 Butterfly,  🌷 Flower,
🌳 Tree,  🌵 Cactus,  🍄 Mushroom,  🌏 Globe,
🌙 Moon,  ☁️ Cloud,  🔥 Fire,  🍌 Banana,
🍎 Apple,  🍓 Strawberry,  🌽 Corn,  🍕 Pizza,
🎂 Cake,  ❤️ Heart,  😀 Smiley,  🤖 Robot,
🎩 Hat,  👓 Glasses,  🔧 Spanner,  🎅 Santa,
👍 Thumbs Up,  ☂️ Umbrella,  ⌛ Hourglass,  ⏰ Clock,
🎁 Gift,  💡 Light Bulb,  📕 Book,  ✏️ Pencil,
📎 Paperclip,  ✂️ Scissors,  🔒 Lock,  🔑 Key,
🔨 Hammer,  ☎️ Telephone,  🏁 Flag,  🚂 Train,
🚲 Bicycle,  ✈️ Aeroplane,  🚀 Rocket,  🏆 Trophy,
⚽ Ball,  🎸 Guitar,  🎺 Trumpet,  🔔 Bell,
⚓ Anchor,  🎧 Headphones,  📁 Folder,  📌 Pin
"""

#: In the order of the spec: six bits of the shared secret choose one.
EMOJI = tuple(Emoji(*one.strip().split(" ", 1)) for one in _TABLE.split(","))
