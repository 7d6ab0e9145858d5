// What a file is, by its content.
// SPDX-License-Identifier: Apache-2.0

/// A format that a file's bytes are a mark of. The file's name has no say.
package struct RecognisedFormat: Sendable, Equatable {
    /// What users call it.
    package let name: String
    /// Whether it is a virtual disk, rather than a compressed file.
    package let isDiskImage: Bool
}
