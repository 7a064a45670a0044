"""Words that tell products apart, in English and in the Spanish of MercadoLibre, and what stands for what."""

COLOURS = {
    "black": "black", "negro": "black", "negra": "black", "onyx": "black",
    "white": "white", "blanco": "white", "blanca": "white", "cream": "cream", "crema": "cream", "bone": "cream",
    "blue": "blue", "azul": "blue", "navy": "navy", "marino": "navy", "midnight": "midnight", "medianoche": "midnight",
    "red": "red", "rojo": "red", "roja": "red", "green": "green", "verde": "green",
    "yellow": "yellow", "amarillo": "yellow",
    "gray": "gray", "grey": "gray", "gris": "gray", "graphite": "graphite", "grafito": "graphite",
    "silver": "silver", "plata": "silver", "plateado": "silver", "gold": "gold", "dorado": "gold", "rose": "pink",
    "pink": "pink", "rosa": "pink", "purple": "purple", "morado": "purple", "turquoise": "turquoise",
    "turquesa": "turquoise", "neon": "neon", "charcoal": "charcoal", "carbon": "charcoal", "natural": "natural",
    "brown": "brown", "cafe": "brown", "orange": "orange", "naranja": "orange", "chocolate": "chocolate",
    "vanilla": "vanilla", "vainilla": "vanilla",
}  # fmt: skip
"""A word for a colour (or a flavour) and the colour it names."""

PARTS = frozenset(
    [
        "case",
        "cover",
        "protector",
        "strap",
        "band",
        "charger",
        "cable",
        "adapter",
        "battery",
        "filter",
        "replacement",
        "pads",
        "liners",
        "straws",
        "ring",
        "lights",
        "light",
        "controller",
        "capsules",
        "pencil",
        "lens",
        "keychain",
        "stand",
    ]
)
"""Words of things that go with a product: a case for a telephone is not the telephone."""

VARIANTS = {
    "pro": "pro", "max": "max", "plus": "plus", "mini": "mini", "ultra": "ultra", "lite": "lite", "slim": "slim",
    "air": "air", "se": "se", "oled": "oled", "super": "super", "low": "low", "mid": "mid", "high": "high",
    "gs": "kids", "kids": "kids", "youth": "kids", "women": "women", "womens": "women", "wmns": "women",
    "toilette": "edt", "edt": "edt", "parfum": "edp", "edp": "edp", "elixir": "elixir", "signature": "signature",
    "clock": "clock", "pop": "pop", "next": "next", "crisp": "crisp", "long": "long", "heatsink": "heatsink",
    "bundle": "bundle", "kit": "bundle", "microsd": "micro", "microsdxc": "micro", "micro": "micro", "ii": "ii",
    "iii": "iii", "extreme": "extreme", "casein": "casein", "whey": "whey", "xr": "xr", "aa": "aa", "aaa": "aaa",
    "x": "x", "s": "s", "digital": "digital", "disc": "disc",
}  # fmt: skip
"""Words for members of one family, and the member they name."""

UNITS = {
    "gb": "bytes", "tb": "terabytes", "ml": "ml", "oz": "oz", "mm": "mm", "cm": "cm", "lb": "lb", "lbs": "lb",
    "inch": "inch", "inches": "inch", "pulgadas": "inch", "quart": "quart", "qt": "quart", "w": "watt", "ah": "ah",
    "count": "pieces", "ct": "pieces", "pcs": "pieces", "pieces": "pieces", "piezas": "pieces", "pzas": "pieces",
    "pack": "pieces", "packs": "pieces", "l": "litre", "hz": "hertz", "v": "volt", "mp": "mp",
}  # fmt: skip
"""A unit behind a number, and the measure it belongs to."""

ENGLISH = {
    "consola": "console", "tenis": "shoes", "zapatillas": "shoes", "sneakers": "shoes", "audifonos": "headphones",
    "inalambrico": "wireless", "inalambrica": "wireless", "cordless": "wireless",
    "bateria": "battery", "pila": "battery", "baterias": "battery", "pilas": "battery", "batteries": "battery",
    "funda": "case", "estuche": "case",
    "pantalla": "tv", "reloj": "watch", "correa": "band", "cargador": "charger", "tarjeta": "card", "camara": "camera",
    "cuerpo": "body", "lente": "lens", "lentes": "glasses", "mochila": "backpack", "termo": "tumbler", "mouse": "mouse",
    "teclado": "keyboard", "aspiradora": "vacuum", "filtro": "filter", "freidora": "fryer", "aire": "air",
    "cafetera": "coffee machine", "capsulas": "capsules", "panales": "diapers", "proteina": "protein",
    "taladro": "drill", "atornillador": "driver", "impacto": "impact", "herramienta": "tool", "solo": "only",
    "olla": "cooker", "presion": "pressure", "electrica": "electric", "procesador": "processor", "nucleos": "core",
    "grafica": "graphics", "video": "graphics", "bocina": "speaker", "inteligente": "smart", "generacion": "generation",
    "gen": "generation", "hombre": "men", "caballero": "men", "mens": "men", "mujer": "women", "dama": "women",
    "repuesto": "replacement", "almohadillas": "pads", "mica": "protector", "vidrio": "glass", "templado": "tempered",
    "empaque": "ring", "popotes": "straws", "luces": "lights", "papel": "liners", "control": "controller",
    "para": "for", "con": "with", "de": "", "y": "and", "sobre": "pack", "paquete": "pack", "disipador": "heatsink",
    "halcon": "falcon", "milenario": "millennium", "titanio": "titanium", "natural": "natural", "silicon": "silicone",
    "monitor": "monitor", "curvo": "curved", "gamer": "gaming", "perfume": "", "nuevo": "", "sellado": "", "new": "",
    "sealed": "", "original": "", "unlocked": "", "liberado": "", "desbloqueado": "", "libre": "", "fabrica": "",
    "factory": "", "unidad": "", "wifi": "wifi", "bt": "bluetooth", "christian": "", "aviador": "aviator",
    "lector": "disc", "disco": "disc", "discos": "disc", "ps5": "playstation 5", "nb": "new balance", "raton": "mouse",
    "earbuds": "headphones", "edt": "eau toilette", "edp": "eau parfum", "etb": "elite trainer box",
}  # fmt: skip
"""A word as sellers write it (without accents) and the word it is read as; "" says nothing about the product."""
