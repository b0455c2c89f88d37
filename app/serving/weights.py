"""Lists of what a client likes, with weights: ``gzip;q=0.5, *`` (RFC 9110, section 12.4.2)."""


def weights(header: str) -> dict[str, float]:
    """Return the weight of each item, by its name in small letters; parameters but ``q`` do not count.

    What is no number weighs nothing, of an item that is named twice the last counts, and an empty one is none
    (section 5.6.1.2).
    """
    found: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if not name:
            continue
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        found[name] = _number(weight.strip())
    return found


def _number(text: str) -> float:
    digits = text.replace(".", "", 1)
    return min(float(text), 1.0) if digits.isascii() and digits.isdigit() else 0.0
