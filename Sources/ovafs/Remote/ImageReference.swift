// SOURCE arguments that are images of a cloud.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import RemoteSources

/// `glance:NAME` or `glance:ID`.
struct ImageReference: Equatable {
    /// What stands before the name; a file that is called so is `./glance:…`.
    static let prefix = "glance:"

    /// The name or the id.
    let text: String

    /// Nil where `argument` is something else.
    /// - Throws: `CommandFailure` where it names no image.
    init?(_ argument: String) throws {
        guard argument.utf8.starts(with: Self.prefix.utf8) else { return nil }
        text = String(decoding: argument.utf8.dropFirst(Self.prefix.utf8.count), as: UTF8.self)
        guard !text.isEmpty else {
            throw CommandFailure(
                status: .wrongUsage,
                message:
                    "'\(argument)' names no image: write glance:NAME or glance:ID; 'ovafs images' lists them")
        }
    }
}

extension ImageRecord {
    init(_ image: GlanceImage) {
        self.init(
            id: image.id, name: image.name, containerFormat: image.containerFormat,
            diskFormat: image.diskFormat,
            properties: image.properties.map { Property(name: $0.name, value: $0.value) })
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
