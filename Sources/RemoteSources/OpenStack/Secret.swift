// A word that opens something.
// SPDX-License-Identifier: Apache-2.0

/// A password, a token or a key's secret: it can be sent, and nothing that describes a value shows it.
package struct Secret: Sendable, Hashable {
    /// For what is sent, and for nothing else.
    package let exposedText: String

    package init(_ text: String) {
        exposedText = text
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(secret)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
