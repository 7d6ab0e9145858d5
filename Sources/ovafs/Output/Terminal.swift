// The terminal that standard error may be.
// SPDX-License-Identifier: Apache-2.0

import Glibc

enum Terminal {
    private static let usualColumns = 80

    /// Whether a line on standard error can be drawn anew.
    static var canRedraw: Bool {
        guard isatty(2) == 1, let kind = unsafe getenv("TERM") else { return false }
        let name = unsafe String(cString: kind)
        return !name.isEmpty && name != "dumb"
    }

    /// Whether the program may draw now: not while the shell has put it into the background.
    static var isForeground: Bool {
        let group = tcgetpgrp(2)
        return group < 0 || group == getpgrp()
    }

    /// The columns of this moment, at least 2: the user may change the window.
    static var columns: Int {
        var size = winsize()
        // SAFETY: the request fills the structure.
        let result = unsafe ioctl(2, UInt(TIOCGWINSZ), &size)
        return result == 0 && size.ws_col > 0 ? max(2, Int(size.ws_col)) : usualColumns
    }
}
