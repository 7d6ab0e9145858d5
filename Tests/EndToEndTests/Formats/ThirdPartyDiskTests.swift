// Disk images that others made, each against the digest that its README gives.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite(.enabled(if: Corpus.isPresent, "../shared/corpus is absent"))
    struct ThirdPartyDiskTests {
        /// A row of the README: the file, and what its disk has to decode to.
        struct Sample: Sendable, CustomTestStringConvertible {
            let path: String
            let byteCount: Int
            let digest: String
            var testDescription: String { path }
        }

        /// The rows that say `raw N B sha256 …`.
        static func samples() throws -> [Sample] {
            let text = try String(
                contentsOf: Corpus.folder.appendingPathComponent("README.md"), encoding: .utf8)
            return text.split(separator: "\n").compactMap { line in
                let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
                guard let path = cells.first, path.hasPrefix("third-party/"),
                    let match = line.firstMatch(of: /raw (\d+) B sha256 ([0-9a-f]{64})/),
                    let byteCount = Int(match.1)
                else { return nil }
                return Sample(path: path, byteCount: byteCount, digest: String(match.2))
            }
        }

        @Test("D6: an image of another project decodes to its digest", arguments: try samples())
        func digest(_ sample: Sample) throws {
            try withTestFolder { folder in
                let path = Corpus.folder.appendingPathComponent(sample.path).path
                try run([try Ovafs.path(), "extract", path, "-o", folder("copy.raw")], limit: 270)
                let attributes = try FileManager.default.attributesOfItem(atPath: folder("copy.raw"))
                #expect(attributes[.size] as? Int == sample.byteCount)
                // Several times as fast as sha256sum, on a disk of 10 GiB.
                let digest = try run(["openssl", "dgst", "-sha256", "-r", folder("copy.raw")], limit: 270)
                    .text
                #expect(digest.prefix(64) == sample.digest)
            }
        }

        @Test("D6: the README names as many as are known")
        func count() throws {
            #expect(try Self.samples().count >= 8)
        }
    }
}
