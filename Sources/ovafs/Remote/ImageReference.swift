// SOURCE arguments that are images of a cloud.
// SPDX-License-Identifier: Apache-2.0

import RemoteSources

/// `glance:NAME` or `glance:ID`.
struct ImageReference: Equatable {
    /// What stands before the name; a file that is called so is `./glance:…`.
    static let prefix = "glance:"

    /// The name or the id.
    let text: String

    /// Whether `argument` means all images of a cloud.
    static func isCatalogue(_ argument: String) -> Bool {
        argument.utf8.elementsEqual(prefix.utf8)
    }

    /// Nil where `argument` is something else.
    /// - Throws: `CommandFailure` where it names no image.
    init?(_ argument: String) throws {
        guard argument.utf8.starts(with: Self.prefix.utf8) else { return nil }
        text = String(decoding: argument.utf8.dropFirst(Self.prefix.utf8.count), as: UTF8.self)
        guard !text.utf8.starts(with: "//".utf8) else {
            throw CommandFailure(
                status: .wrongUsage, message: "'\(argument)': write glance:NAME or glance:ID, without slashes"
            )
        }
        // What is no UTF-8 came here as that mark.
        guard !text.unicodeScalars.contains("\u{fffd}") else {
            throw CommandFailure(
                status: .wrongUsage,
                message: "'\(argument)' is not UTF-8, and names of images are: use glance:ID")
        }
        guard !text.isEmpty else {
            throw CommandFailure(
                status: .wrongUsage,
                message:
                    "'\(argument)' is all images, which only 'ovafs mount' takes: write glance:NAME or glance:ID; "
                    + "'ovafs images' lists them")
        }
    }
}

extension CommandFailure {
    /// What a cloud's answer means for who called.
    init(_ error: OpenStackError) {
        let status: ExitStatus =
            switch error.kind {
            case .settings: .wrongUsage
            // There are such images, and ovafs does not choose.
            case .ambiguous: .damaged
            default: .cannotReadSource
            }
        self.init(status: status, message: error.description)
    }
}
