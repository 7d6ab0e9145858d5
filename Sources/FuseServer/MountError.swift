// Why a tree could not be mounted.
// SPDX-License-Identifier: Apache-2.0

/// A mount that did not come about, or whose session failed.
package struct MountError: Error, CustomStringConvertible {
    /// One line: what failed, and what to do.
    package let description: String

    package init(description: String) {
        self.description = description
    }
}
