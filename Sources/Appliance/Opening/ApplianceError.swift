// Why an appliance could not be opened.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Glibc

/// An appliance that is not opened; one line that says what is wrong and what to do.
package struct ApplianceError: Error, CustomStringConvertible {
    package enum Kind: Sendable {
        /// The source could not be read.
        case unreadable
        /// The process may open no more files.
        case tooManyOpenFiles
        /// The source was read, and breaks a rule.
        case damaged
    }

    package let kind: Kind
    package let description: String
    /// What the user can ask for instead; nil where nothing helps.
    package let remedy: Remedy?

    package init(_ kind: Kind, _ description: String, remedy: Remedy? = nil) {
        self.kind = kind
        self.description = description
        self.remedy = remedy
    }

    init(_ error: ReadError) {
        switch error {
        case .system(_, EMFILE): kind = .tooManyOpenFiles
        case .system, .stale, .remote: kind = .unreadable
        case .corrupt, .refused, .unsupported, .overBudget: kind = .damaged
        }
        description = "\(error)"
        remedy = error.remedy
    }
}
