//! The table of all key bindings.

use super::super::action::Action;
use super::{Binding, BindingFamily};

const fn bind(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
) -> Binding {
    Binding {
        action,
        name,
        keys,
        help,
    }
}

/// All key bindings, in groups.
pub static FAMILIES: &[BindingFamily] = &[
    BindingFamily {
        name: "Moving",
        bindings: &[
            bind(
                Action::Down,
                "down",
                &["j", "down"],
                "down (5j: five lines)",
            ),
            bind(Action::Up, "up", &["k", "up"], "up"),
            bind(
                Action::Left,
                "left",
                &["h", "left"],
                "fold; a byte to the left; in top: sort by",
            ),
            bind(
                Action::Right,
                "right",
                &["l", "right"],
                "unfold; a byte to the right; in top: sort by",
            ),
            bind(Action::PageDown, "page-down", &["pgdn"], "a page down"),
            bind(Action::PageUp, "page-up", &["pgup"], "a page up"),
            bind(
                Action::HalfDown,
                "half-down",
                &["ctrl-d"],
                "half a page down",
            ),
            bind(Action::HalfUp, "half-up", &["ctrl-u"], "half a page up"),
            bind(
                Action::Top,
                "top",
                &["g g", "home"],
                "first line (50gg: packet 50)",
            ),
            bind(Action::Bottom, "bottom", &["G"], "last line"),
            bind(
                Action::Follow,
                "follow",
                &["F", "end"],
                "last line, and stay at the newest packet",
            ),
            bind(
                Action::Pause,
                "pause",
                &["space"],
                "stop or resume adding packets to the list",
            ),
            bind(
                Action::NextInExchange,
                "next-in-exchange",
                &["]"],
                "the reply of this request; sessions: later",
            ),
            bind(
                Action::PreviousInExchange,
                "previous-in-exchange",
                &["["],
                "the request of this reply; sessions: earlier",
            ),
            bind(
                Action::NextFinding,
                "next-finding",
                &["}"],
                "next packet with a finding",
            ),
            bind(
                Action::PreviousFinding,
                "previous-finding",
                &["{"],
                "previous packet with a finding",
            ),
            bind(
                Action::SetPlace,
                "set-place",
                &["m"],
                "ma: bookmark this packet as a",
            ),
            bind(
                Action::GoToPlace,
                "go-to-place",
                &["'"],
                "'a: go to bookmark a; '': where you were",
            ),
        ],
    },
    BindingFamily {
        name: "Panes",
        bindings: &[
            bind(
                Action::NextPane,
                "next-pane",
                &["tab", "ctrl-w ctrl-w", "ctrl-w w"],
                "next pane: list, tree, bytes",
            ),
            bind(
                Action::PreviousPane,
                "previous-pane",
                &["shift-tab"],
                "previous pane",
            ),
            bind(
                Action::Zoom,
                "zoom",
                &["\\"],
                "this pane alone, or all again",
            ),
            bind(
                Action::Arrange,
                "arrange",
                &["|"],
                "tree and bytes side by side, stacked, or hidden",
            ),
            bind(
                Action::Grow,
                "grow",
                &["+"],
                "larger list (findings: only worse ones)",
            ),
            bind(
                Action::Shrink,
                "shrink",
                &["-"],
                "smaller list (findings: milder ones too)",
            ),
            bind(
                Action::Open,
                "open",
                &["enter"],
                "open: the tree, a branch, a finding, a ladder",
            ),
            bind(
                Action::Back,
                "back",
                &["esc", "q"],
                "back; from the packets: quit",
            ),
            bind(
                Action::Exchanges,
                "exchanges",
                &["v"],
                "replies joined with requests, or separate",
            ),
        ],
    },
    BindingFamily {
        name: "Finding",
        bindings: &[
            bind(
                Action::Filter,
                "filter",
                &["/"],
                "filter; Tab completes, Enter applies",
            ),
            bind(
                Action::FilterField,
                "filter-field",
                &["="],
                "filter by the field under the cursor",
            ),
            bind(
                Action::FilterAlso,
                "filter-also",
                &["&"],
                "and by this field too",
            ),
            bind(
                Action::FilterClear,
                "filter-clear",
                &["backspace"],
                "show all packets again",
            ),
            bind(
                Action::Search,
                "search",
                &["ctrl-f"],
                "search; Tab: in list, tree, bytes or by filter",
            ),
            bind(Action::NextMatch, "next-match", &["n"], "next match"),
            bind(
                Action::PreviousMatch,
                "previous-match",
                &["N"],
                "previous match",
            ),
        ],
    },
    BindingFamily {
        name: "Views",
        bindings: &[
            bind(Action::Packets, "packets", &["P"], "packets"),
            bind(Action::Findings, "findings", &["e"], "findings"),
            bind(
                Action::Objects,
                "sessions",
                &["s"],
                "processes and their objects, as of this packet",
            ),
            bind(
                Action::Pending,
                "pending",
                &["p"],
                "requests without a reply and waits for fences",
            ),
            bind(
                Action::TopView,
                "top-view",
                &["t"],
                "counts and latencies per process and adapter",
            ),
            bind(
                Action::Ladder,
                "ladder",
                &["x"],
                "ladder of this process, or of the chosen object",
            ),
            bind(Action::Help, "help", &["?"], "these keys"),
        ],
    },
    BindingFamily {
        name: "Doing",
        bindings: &[
            bind(
                Action::Mark,
                "mark",
                &["M"],
                "mark this packet for :save marked",
            ),
            bind(Action::Copy, "copy", &["y"], "copy this line"),
            bind(Action::Time, "time", &["w"], "next time format"),
            bind(Action::Theme, "theme", &["T"], "next theme"),
            bind(
                Action::Command,
                "command",
                &[":"],
                "type a command (:help lists them)",
            ),
            bind(Action::Redraw, "redraw", &["ctrl-l"], "redraw the screen"),
            bind(
                Action::Suspend,
                "suspend",
                &["ctrl-z"],
                "back to the shell until `fg`",
            ),
            bind(Action::Quit, "quit", &["ctrl-c", "Z Z"], "quit"),
            bind(Action::QuitNow, "quit-now", &["Z Q"], "quit without asking"),
        ],
    },
];
