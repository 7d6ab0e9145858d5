// Runs the case table of docs/FORMATS.md.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@Suite("The case table of FORMATS.md")
struct VMDKCaseTableTests {
    @Test("each row answers as its rule says", arguments: VMDKCase.table)
    func row(_ row: VMDKCase) throws {
        if case .refused(let reason) = row.expectation {
            let error = #expect(throws: ReadError.self) { try OpenedImage(row.image.source) }
            #expect("\(error.map(String.init(describing:)) ?? "")".contains(reason))
            return
        }
        let opened = try OpenedImage(row.image.source)
        var damaged: [Range<UInt64>] = []
        if case .damaged(let ranges) = row.expectation { damaged = ranges }
        #expect(opened.violations(row.image, damaged: damaged) == [])
        if let warning = row.warning {
            #expect(opened.image.warnings.contains { $0.contains(warning) }, "\(opened.image.warnings)")
        } else {
            #expect(opened.image.warnings == [])
        }
    }

    @Test("rows are told apart by their names")
    func names() {
        let names = VMDKCase.table.map(\.row)
        #expect(Set(names).count == names.count)
    }
}
