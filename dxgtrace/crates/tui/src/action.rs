//! The actions that keys and commands can request.

/// An action. Keys and `:` commands are translated to actions, and
/// [`App::apply`](super::App::apply) carries them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Go down by one line, or by the count.
    Down,
    /// Go up by one line, or by the count.
    Up,
    /// Fold the branch, or go to its parent; in the bytes, go one to the left.
    Left,
    /// Unfold the branch; in the bytes, go one to the right.
    Right,
    /// Go down by a page.
    PageDown,
    /// Go up by a page.
    PageUp,
    /// Go down by half a page.
    HalfDown,
    /// Go up by half a page.
    HalfUp,
    /// Go to the first line; with a count, to the packet with that number.
    Top,
    /// Go to the last line.
    Bottom,
    /// Focus the next pane.
    NextPane,
    /// Focus the previous pane.
    PreviousPane,
    /// Show only the focused pane, or all again.
    Zoom,
    /// Show tree and bytes side by side, stacked, or not at all.
    Arrange,
    /// Enlarge the list; in the findings view, hide the mildest severity.
    Grow,
    /// Shrink the list; in the findings view, show a milder severity.
    Shrink,
    /// Open what the cursor is on.
    Open,
    /// Go back to the previous view; from the packets, quit.
    Back,
    /// Go from a request to its reply; in views of a point in time, go later.
    NextInExchange,
    /// Go from a reply to its request; in views of a point in time, go earlier.
    PreviousInExchange,
    /// Go to the next packet with a finding of severity note or worse.
    NextFinding,
    /// Go to the previous packet with a finding of severity note or worse.
    PreviousFinding,
    /// Open the prompt for a filter.
    Filter,
    /// Filter by the field under the cursor.
    FilterField,
    /// Add the field under the cursor to the filter.
    FilterAlso,
    /// Remove the filter.
    FilterClear,
    /// Open the prompt for a search.
    Search,
    /// Go to the next match.
    NextMatch,
    /// Go to the previous match.
    PreviousMatch,
    /// Mark or unmark the packet, for `:save marked`.
    Mark,
    /// Bookmark the packet with a letter, which is the next key.
    SetPlace,
    /// Go to a bookmark, whose letter is the next key.
    GoToPlace,
    /// Stop or resume adding packets to the list.
    Pause,
    /// Select the newest packet whenever one arrives.
    Follow,
    /// Show replies on lines of their own, or joined with their requests.
    Exchanges,
    /// Show the packets.
    Packets,
    /// Show the findings.
    Findings,
    /// Show the processes and their objects.
    Objects,
    /// Show the requests without a reply.
    Pending,
    /// Show counts per process and adapter.
    TopView,
    /// Show the ladder of a process or object.
    Ladder,
    /// Copy the line under the cursor.
    Copy,
    /// Change to the next time format.
    Time,
    /// Change to the next theme.
    Theme,
    /// Show the keys.
    Help,
    /// Open the prompt for a command.
    Command,
    /// Quit; ask first if the capture is not saved.
    Quit,
    /// Quit without asking; the capture file is kept.
    QuitNow,
    /// Redraw the whole screen.
    Redraw,
    /// Stop the program until the shell continues it.
    Suspend,
}

impl Action {
    /// Whether the next key is an argument of the action.
    pub fn takes_letter(self) -> bool {
        matches!(self, Self::SetPlace | Self::GoToPlace)
    }
}

/// An action with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRequest {
    /// The action.
    pub action: Action,
    /// The number that was typed before it.
    pub count: Option<u32>,
    /// The letter that was typed after it, if [`Action::takes_letter`].
    pub letter: Option<char>,
}

impl From<Action> for KeyRequest {
    fn from(action: Action) -> Self {
        Self {
            action,
            count: None,
            letter: None,
        }
    }
}
