from __future__ import annotations

from commands.kit.reply import edit, message

HOSTILE = '<img src=x onerror="alert(1)"> & @room\nsecond line'


def test_html_is_made_from_the_plain_text_and_everything_in_it_is_escaped() -> None:
    made = message(HOSTILE)
    assert made["body"] == HOSTILE
    assert made["formatted_body"].startswith("&lt;img")
    assert made["formatted_body"].endswith("&amp; @room<br>second line")


def test_what_can_be_typed_stands_out() -> None:
    made = message("You can type:\n!find <what>: List them.\n!view 12 bone\nWell!now: not this")
    assert made["formatted_body"].split("<br>")[1:] == [
        "<b>!find &lt;what&gt;</b>: List them.",
        "<b>!view 12 bone</b>",
        "Well!now: not this",
    ]


def test_nobody_is_mentioned_by_what_a_text_holds() -> None:
    assert message("@room @anna:x")["m.mentions"] == {}
    assert message("x", mentions=("@anna:x",))["m.mentions"] == {"user_ids": ["@anna:x"]}


def test_what_the_bot_says_is_a_notice_and_answers_the_command() -> None:
    made = message("x", reply_to="$command")
    assert made["msgtype"] == "m.notice"
    assert made["m.relates_to"] == {"m.in_reply_to": {"event_id": "$command"}}


def test_an_edit_replaces_the_whole_message() -> None:
    made = edit("new", "$old")
    assert made["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$old"}
    assert made["m.new_content"] == message("new")
