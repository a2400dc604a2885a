"""YAML as configurations need it: plain values in sections, of bounded size.

PyYAML's safe loader makes no objects of Python, but it follows aliases, of which a few lines can
describe terabytes, merges keys in the same way, recurses as deep as the text, and lets other errors
than its own escape for values such as the date 2020-13-45.
"""

import functools
from typing import Any

LARGEST_BYTES = 256 << 10  # at worst, reading takes 350 times as much memory
DEEPEST = 20  # levels; a configuration has three
LONGEST_NUMBER = 40  # digits; the text of a longer one could not even be printed


class NotYaml(ValueError):
    """A text that is not YAML, or not such as configurations need.

    line: the number of the line, from 1, or None.
    """

    def __init__(self, problem: str, line: int | None = None):
        super().__init__(problem)
        self.line = line


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text: texts, numbers, lists, and so on.

    Raises:
        NotYaml: it is not YAML, has an alias, is too large or too deep, or a value of it is wrong.
    """
    import yaml

    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise NotYaml(f"it has more than {LARGEST_BYTES >> 10} kB; remove what is no option")
    try:
        return yaml.load(text, _loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it has a character that YAML forbids"
        raise NotYaml(problem, mark and mark.line + 1) from None
    except (ValueError, AttributeError, LookupError, TypeError, OverflowError) as error:
        # What PyYAML makes of a value that does not fit its tag.
        raise NotYaml(f"a value is not what its form or tag says ({error})") from None


@functools.cache
def _loader() -> Any:
    import yaml
    from yaml.error import MarkedYAMLError
    from yaml.events import AliasEvent

    def problem(what: str, mark: Any) -> MarkedYAMLError:
        return MarkedYAMLError(problem=what, problem_mark=mark)

    class Loader(yaml.SafeLoader):
        """A safe loader without aliases, and with limits."""

        depth = 0

        def compose_node(self, parent, index):  # type: ignore[no-untyped-def]
            mark = self.peek_event().start_mark
            if self.check_event(AliasEvent):
                raise problem("an alias is not allowed; write it out", mark)
            self.depth += 1
            if self.depth > DEEPEST:
                raise problem(f"it is nested more than {DEEPEST} times", mark)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_yaml_int(self, node):  # type: ignore[no-untyped-def]
            if len(node.value) > LONGEST_NUMBER:
                raise problem(f"a number has more than {LONGEST_NUMBER} digits", node.start_mark)
            return super().construct_yaml_int(node)

    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)
    return Loader
