"""What the documentation adds to Sphinx: references made from the code, and Korean pages.

Only `extension` and `search` import Sphinx; the rest makes texts.
"""
