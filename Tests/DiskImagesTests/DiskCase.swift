// One row of a case table of docs/FORMATS.md, for the formats with one table of blocks.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

/// An image that is unusual in one way, and what has to come of it.
struct DiskCase: Sendable, CustomTestStringConvertible {
    enum Expectation: Sendable {
        /// The whole disk is read.
        case read
        /// Reads of these guest bytes fail; the rest is read.
        case damaged([Range<UInt64>])
        /// The image does not open, and the error has this text in it.
        case refused(String)
    }

    let row: String
    /// A text that one of the warnings has; nil where there are none at all.
    let warning: String?
    /// Makes the image when it is needed: a table has more of them than fit into memory.
    private let make: @Sendable () -> (BuiltDisk, Expectation)

    var testDescription: String { row }

    init(
        _ row: String, _ disk: @autoclosure @escaping @Sendable () -> BuiltDisk,
        _ expectation: Expectation = .read,
        warning: String? = nil
    ) {
        self.row = row
        self.warning = warning
        make = { (disk(), expectation) }
    }

    /// `disk`, of which `change` damages a part and says what comes of it.
    init(
        _ row: String, _ disk: @autoclosure @escaping @Sendable () -> BuiltDisk, warning: String? = nil,
        change: @escaping @Sendable (inout BuiltDisk) -> Expectation
    ) {
        self.row = row
        self.warning = warning
        make = {
            var disk = disk()
            let expectation = change(&disk)
            return (disk, expectation)
        }
    }

    /// Opens the image and holds it against the expectation.
    func check() throws {
        let (disk, expectation) = make()
        if case .refused(let reason) = expectation {
            let error = #expect(throws: ReadError.self) {
                try OpenedImage(disk.source, named: "disk", neighbours: BlankParents.all)
            }
            #expect("\(error.map(String.init(describing:)) ?? "")".contains(reason))
            return
        }
        let opened = try OpenedImage(disk.source, named: "disk", neighbours: BlankParents.all)
        var damaged: [Range<UInt64>] = []
        if case .damaged(let ranges) = expectation { damaged = ranges }
        #expect(
            opened.violations(expected: disk.guest, damaged: damaged, clusterByteCount: disk.blockByteCount)
                == [])
        if let warning {
            #expect(opened.image.warnings.contains { $0.contains(warning) }, "\(opened.image.warnings)")
        } else {
            // As in the tables of other formats.
            let warnings = opened.image.warnings.filter {
                damaged.isEmpty || !$0.contains(MissingEndTests.words)
            }
            #expect(warnings == [])
        }
    }
}
