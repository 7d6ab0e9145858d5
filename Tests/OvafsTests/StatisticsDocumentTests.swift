// docs/INFO.md has each counter of .ova/stats.json.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Foundation
import FuseServer
import RemoteSources
import Testing

@testable import ovafs

@Suite("The live counters")
struct StatisticsDocumentTests {
    private static func statistics() throws -> [String: Any] {
        let appliance = try Appliance.open(
            .file(
                MemorySource(Array(repeating: 7, count: 4096)), name: Array("disk.img".utf8),
                modificationTime: 0),
            options: ApplianceOptions())
        let served = ServerStatistics()
        let json = MountStatistics(of: appliance, served: served, remote: RemoteMeter(), sandbox: .none)
            .json()
        return try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    }

    @Test("each has its line in docs/INFO.md, in the table of the statistics, and no other line is there")
    func document() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: folder.appending(path: "docs/INFO.md"), encoding: .utf8)
        let start = try #require(text.range(of: "\n## The statistics\n"))
        let end = try #require(text.range(of: "\n## Examples\n"))
        let fields = text[start.upperBound..<end.lowerBound].split(separator: "\n").compactMap { line in
            line.hasPrefix("| `") ? line.dropFirst(3).prefix(while: { $0 != "`" }) : nil
        }
        #expect(fields.map(String.init).sorted() == (try Self.statistics()).keys.sorted())
    }

    @Test("have a version and start at 0, but for what opening read")
    func fresh() throws {
        let statistics = try Self.statistics()
        #expect(statistics["version"] as? Int == 1)
        for key in ["readRequests", "failedReads", "bytesServed", "clustersDecoded", "cacheHits"] {
            #expect(statistics[key] as? Int == 0, "\(key)")
        }
        #expect((statistics["sourceBytesRead"] as? Int ?? 0) > 0)
    }
}
