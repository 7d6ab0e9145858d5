// Why a descriptor cannot be understood.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// A descriptor that is refused: what is wrong, in which element, on which line.
package struct DescriptorError: Error, Equatable {
    /// The element, such as `Disk`; empty where the text is no XML so far.
    package let element: String
    /// From 1; 0 where the descriptor as a whole is meant.
    package let line: Int
    package let reason: String
    /// What the user can ask for instead; nil where that depends on the command alone.
    package let remedy: Remedy?
    /// Why the descriptor could not be read or held; nil where it is wrong.
    package let cause: ReadError?

    package init(element: String = "", line: Int = 0, _ reason: String) {
        self.element = element.quotable()
        self.line = line
        self.reason = reason.quotable(upTo: 500)
        remedy = nil
        cause = nil
    }

    /// A descriptor that cannot be read, or takes more memory than it may.
    package init(_ error: ReadError) {
        element = ""
        line = 0
        reason = error.description
        remedy = error.remedy
        cause = error
    }
}

extension DescriptorError: CustomStringConvertible {
    package var description: String {
        var place = "descriptor"
        if line > 0 { place += ", line \(line)" }
        if !element.isEmpty { place += ", <\(element)>" }
        return "\(place): \(reason)"
    }
}
