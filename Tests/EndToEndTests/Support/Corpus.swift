// The shared sample packages and what each must decode to, where they are present.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The samples beside the project's folder; `EXPECTATIONS.md` there says what the fields mean.
enum Corpus {
    /// `../shared/corpus` from the root of the source tree.
    static let folder = Ovafs.sourceTree.deletingLastPathComponent().appendingPathComponent("shared/corpus")
    static let generated = folder.appendingPathComponent("generated")

    struct Package: Decodable, CustomStringConvertible {
        struct Disk: Decodable {
            struct Stretch: Decodable {
                let off: Int
                let len: Int
            }

            let href: String
            let expect: String
            let virtual_size: Int?
            let sha256: String?
            let ref: String?
            let must_error: [Stretch]?
            let alternatives: [String]?
            let wrong_sha256: String?
        }

        struct Limits: Decodable {
            let max_mount_seconds: Int
            let max_rss_mb: Int
        }

        let id: String
        let file: String
        let mount: String
        let descriptor: String
        let descriptor_sha256: String?
        let manifest: String?
        let disks: [Disk]
        let others_sha256: [String: String]?
        let must_not_contain: [String]
        let limits: Limits?

        var description: String { id }
        var path: String { Corpus.generated.appendingPathComponent(file).path }
    }

    static var isPresent: Bool {
        FileManager.default.fileExists(atPath: generated.appendingPathComponent("expectations.json").path)
    }

    /// Every package, in the order of the file; empty where the samples are absent.
    ///
    /// - Throws: when the expectations cannot be read.
    static func packages() throws -> [Package] {
        guard isPresent else { return [] }
        let data = try Data(contentsOf: generated.appendingPathComponent("expectations.json"))
        return try JSONDecoder().decode([Package].self, from: data)
    }
}
