//! Everything that a key can ask for.

/// What to do. Keys and `:` commands become actions, and only
/// [`App::apply`](super::App::apply) changes the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// One line down; with a count, so many.
    Down,
    /// One line up.
    Up,
    /// Fold a branch, or go to its parent; in bytes, one to the left.
    Left,
    /// Unfold a branch; in bytes, one to the right.
    Right,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// To the first line; with a count, to the packet with that number.
    Top,
    /// To the last line, and follow it.
    Bottom,
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// The focused pane alone, or all again.
    Zoom,
    /// Another arrangement of the panes.
    Arrange,
    /// More room for the list; in findings, only worse ones.
    Grow,
    /// Less room for the list; in findings, milder ones too.
    Shrink,
    /// Open what the cursor is on.
    Open,
    /// Back to where one came from.
    Back,
    /// The other end of the exchange, forwards.
    NextInExchange,
    /// The other end of the exchange, backwards.
    PreviousInExchange,
    /// The next packet with a finding of note or worse.
    NextFinding,
    /// The one before.
    PreviousFinding,
    /// Type a filter.
    Filter,
    /// Filter by the field under the cursor.
    FilterField,
    /// Add the field under the cursor to the filter.
    FilterAlso,
    /// Show all packets again.
    FilterClear,
    /// Type a search.
    Search,
    /// The next match.
    NextMatch,
    /// The match before.
    PreviousMatch,
    /// Mark the packet, to be saved by `:save marked`.
    Mark,
    /// Give the place a letter.
    SetPlace,
    /// Go to the place with a letter.
    GoToPlace,
    /// Stop the list from moving while packets arrive.
    Pause,
    /// Stay at the newest packet.
    Follow,
    /// Replies on lines of their own, or joined with their requests.
    Exchanges,
    /// The packets.
    Packets,
    /// The findings.
    Findings,
    /// The sessions and their objects.
    Objects,
    /// The requests that wait.
    Pending,
    /// Counts per process and adapter.
    TopView,
    /// The ladder of a process.
    Ladder,
    /// Copy the line under the cursor.
    Copy,
    /// The next time format.
    Time,
    /// The next theme.
    Theme,
    /// The keys.
    Help,
    /// Type a command.
    Command,
    /// Leave.
    Quit,
    /// Leave at once; what was captured stays where it is.
    QuitNow,
    /// Draw the screen anew.
    Redraw,
    /// Stop the program until the shell continues it.
    Suspend,
}

impl Action {
    /// Whether the key after this one belongs to it.
    pub fn takes_letter(self) -> bool {
        matches!(self, Self::SetPlace | Self::GoToPlace)
    }
}

/// An action as the keyboard gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRequest {
    /// What to do.
    pub action: Action,
    /// How often, if a number was typed before.
    pub count: Option<u32>,
    /// The letter after it.
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
