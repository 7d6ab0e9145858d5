// Tests of the tar index on archives that other programs made, and on damaged copies of them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

@Suite("Archives of other programs", .enabled(if: Corpus.isPresent, "\(Corpus.absence)"))
struct TarCorpusTests {
    /// How many members each archive shows, how many it has that are not shown, and whether it is damaged.
    private static let archives: [(path: String, shown: Int, skipped: Int, isDamaged: Bool)] = [
        ("vbatts+tar-split/ustar.tar", 1, 0, false), ("vbatts+tar-split/v7.tar", 2, 0, false),
        ("vbatts+tar-split/gnu.tar", 2, 0, false), ("vbatts+tar-split/pax.tar", 1, 1, false),
        ("vbatts+tar-split/star.tar", 2, 0, false), ("vbatts+tar-split/sparse-formats.tar", 5, 0, false),
        ("mafintosh+tar-stream/base-256-size.tar", 1, 0, false),
        ("mafintosh+tar-stream/unicode.tar", 1, 0, false),
        ("mafintosh+tar-stream/incomplete.tar", 1, 0, false),
        ("mafintosh+tar-stream/gnu-long-path.tar", 1, 0, false),
        ("mafintosh+tar-stream/latin1.tar", 1, 0, false), ("npm+node-tar/bad-cksum.tar", 1, 0, true),
        ("npm+node-tar/links.tar", 2, 1, false), ("google+osv-scalibr/escape.tar", 1, 5, false),
        ("google+fuse-archive/specials.tar", 1, 4, false),
    ]

    @Test("every archive shows the members that GNU tar and bsdtar list", arguments: archives)
    func memberCounts(path: String, shown: Int, skipped: Int, isDamaged: Bool) throws {
        let index = try TarIndex(scanning: Corpus.open("third-party/\(path)"), budget: OpeningBudget())
        #expect(index.members.count == shown)
        #expect(index.skipped.count == skipped)
        #expect((index.damage != nil) == isDamaged)
        for member in index.members { _ = try member.contents }
    }

    @Test("every archive of the corpus is in the table above or an appliance")
    func tableIsComplete() {
        let known = Set(Self.archives.map { "third-party/\($0.path)" })
        #expect(Set(Corpus.files(".tar")) == known.union(Self.endedByFirstHeader.map { "third-party/\($0)" }))
    }

    private static let endedByFirstHeader = [
        "vbatts+tar-split/neg-size.tar", "vbatts+tar-split/pax-bad-hdr-file.tar",
    ]

    @Test(
        "a size or a length that makes no sense in the first header leaves nothing to show",
        arguments: endedByFirstHeader)
    func senselessHeader(path: String) throws {
        let file = try Corpus.open("third-party/\(path)")
        #expect(throws: ReadError.self) { try TarIndex(scanning: file, budget: OpeningBudget()) }
    }

    @Test("the four sparse forms in one archive give one and the same file")
    func sparseForms() throws {
        let index = try TarIndex(
            scanning: Corpus.open("third-party/vbatts+tar-split/sparse-formats.tar"), budget: OpeningBudget())
        let contents = try index.members.map { try $0.contents }
        #expect(contents[0].count == 200)
        #expect(contents[0].filter { $0 != 0 }.count == 95)
        #expect(contents[1...3].allSatisfy { $0 == contents[0] })
    }

    @Test("every appliance has a descriptor, save those made without one")
    func appliances() throws {
        let without = ["testserver-no-ovf.ova"]
        let noTar = ["ova.ova", "wrong_ova.ova"]
        for path in Corpus.files(".ova") where !noTar.contains(where: { path.hasSuffix("/" + $0) }) {
            let package = try OVFPackage(archive: Corpus.open(path))
            let expectsDescriptor = !without.contains { path.hasSuffix($0) }
            #expect((package.descriptor != nil) == expectsDescriptor, "\(path)")
        }
    }

    @Test("changed bytes never trap", arguments: archives.map(\.path))
    func mutations(path: String) throws {
        let file = try Corpus.open("third-party/\(path)")
        let bytes = try file.bytes(Int(min(file.byteCount, 1 << 14)), at: 0)
        var random = Mutator(seed: 2_026)
        for _ in 0..<300 {
            guard
                let index = try? TarIndex(
                    scanning: MemorySource(random.mutate(bytes)), budget: OpeningBudget())
            else { continue }
            for member in index.members where member.byteCount < 1 << 20 { _ = try member.contents }
        }
    }
}
