// Runs the qcow2 and qcow tables of docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@Suite("The qcow2 and qcow tables of FORMATS.md")
struct QCOWCaseTableTests {
    @Test("each row answers as its rule says", arguments: QCOWCase.table)
    func row(_ row: QCOWCase) throws {
        if case .refused(let reason) = row.expectation {
            let error = #expect(throws: ReadError.self) { try OpenedImage(row.image.source) }
            let text = error.map(String.init(describing:)) ?? ""
            #expect(text.contains(reason), "\(text)")
            return
        }
        let opened = try OpenedImage(row.image.source)
        var damaged: [Range<UInt64>] = []
        if case .damaged(let ranges) = row.expectation { damaged = ranges }
        #expect(
            opened.violations(
                expected: row.image.guest, damaged: damaged, clusterByteCount: row.image.clusterByteCount)
                == [])
        if let warning = row.warning {
            #expect(opened.image.warnings.contains { $0.contains(warning) }, "\(opened.image.warnings)")
        } else {
            // An entry that leads behind the end of the file is known when it is opened; nothing else is said of sound images.
            let warnings = opened.image.warnings.filter {
                damaged.isEmpty || !$0.contains(MissingEndTests.words)
            }
            #expect(warnings == [])
        }
    }

    @Test("rows are told apart by their names")
    func names() {
        let names = QCOWCase.table.map(\.row)
        #expect(Set(names).count == names.count)
    }

    @Test("each error names the record and its place in the file")
    func errors() throws {
        var image = QCOWBuilder.usual.build()
        image.setEntry(ofCluster: 70, to: image.entry(ofCluster: 70) | 2)
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(image.source, named: "disk.qcow2").disk.bytes(1, at: 70 * 512)
        }
        #expect(
            error
                == .corrupt(
                    record: "second-level table of disk.qcow2",
                    offset: UInt64(image.entryOffset(ofCluster: 70)),
                    reason: "the entry of the cluster at guest byte \(70 * 512): reserved bits are set"))
    }

    @Test("two entries that name one cluster are read: reference counts are not looked at")
    func sharedCluster() throws {
        var image = QCOWBuilder.usual.build()
        image.setEntry(ofCluster: 2, to: image.entry(ofCluster: 0))
        var expected = image.guest
        expected.replaceSubrange(2 * 512..<3 * 512, with: image.guestBytes(ofCluster: 0))
        #expect(try OpenedImage(image.source).violations(expected: expected, clusterByteCount: 512) == [])
    }

    @Test("absent clusters are the parent's, and zeros are zeros")
    func absence() throws {
        let image = try OpenedImage(QCOWBuilder.usual.build().source).image
        #expect(try image.extent(containing: 7 * 512).storage == .zeros)
        #expect(try image.extent(containing: 8 * 512).storage == .absent)
        let extended = try OpenedImage(QCOWBuilder.extended.build().source).image
        // Cluster 1 has 8 stored subclusters; the others are absent.
        #expect(try extended.extent(containing: 16_384 + 8 * 512).storage == .absent)
        #expect(try extended.extent(containing: 16_384 + 8 * 512).byteCount == 24 * 512)
        // Cluster 4 is stored and zeros in turn.
        #expect(try extended.extent(containing: 4 * 16_384 + 512).storage == .zeros)
    }

    @Test("what is stored is counted exactly where the tables are small")
    func allocation() throws {
        let image = try OpenedImage(QCOWBuilder.usual.build().source).image
        let stored = QCOWBuilder.usual.clusters.count {
            switch $0 {
            case .plain, .compressed: true
            case .absent, .zeros, .subclusters: false
            }
        }
        #expect(image.allocatedByteCount == UInt64(stored * 512))
        #expect(!image.allocationIsEstimate)
    }

    @Test("a size that is not whole sectors is kept", arguments: [1, 511, 513, 40_001])
    func oddSize(byteCount: Int) throws {
        let built = QCOWBuilder.usual.with {
            $0.clusters.removeLast(150 - (byteCount + 511) / 512)
            $0.virtualByteCount = byteCount
        }.build()
        let opened = try OpenedImage(built.source)
        #expect(opened.image.virtualByteCount == UInt64(byteCount))
        #expect(try opened.disk.bytes(byteCount, at: 0) == built.guest)
        #expect(opened.disk.byteCount == UInt64((byteCount + 511) / 512 * 512))
    }
}
