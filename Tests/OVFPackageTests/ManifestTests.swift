// Tests of manifests: spellings, digests, coreutils' form, and the check of a whole package.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import OVFPackage

@Suite("A manifest")
struct ManifestTests {
    private func manifest(_ text: String) -> Manifest { Manifest(parsing: Array(text.utf8)) }

    @Test(
        "every spelling of an algorithm is read",
        arguments: [
            ("SHA1", DigestAlgorithm.sha1, false), ("SHA-1", .sha1, true), ("SHA256", .sha256, false),
            ("SHA-256", .sha256, true), ("SHA2-256", .sha256, true), ("SHA384", .sha384, false),
            ("SHA512", .sha512, false), ("SHA-512", .sha512, true), ("SHA2-512", .sha512, true),
            ("MD5", .md5, false), ("sha256", .sha256, true),
        ])
    func spellings(spelling: String, algorithm: DigestAlgorithm, isUnusual: Bool) {
        let manifest = manifest("\(spelling)(a.vmdk)= AB12\n")
        #expect(manifest.entries.map(\.algorithm) == [algorithm])
        #expect(manifest.entries.map(\.digest) == ["ab12"])
        #expect(manifest.warnings.contains { $0.code == .manifestSpelling } == isUnusual)
        #expect(manifest.warnings.contains { $0.code == .manifestWeakDigest } == (algorithm == .md5))
    }

    @Test(
        "spaces are free, a carriage return is tolerated, and the last parenthesis closes",
        arguments: [
            ("SHA1(a)= 00", "a"), ("SHA1 ( a ) = 00", "a"), ("SHA1(a)=00", "a"),
            ("  SHA1 (a) =\t00  \r", "a"),
            ("SHA1(a (1).vmdk)= 00", "a (1).vmdk"), ("SHA1(a)=b)= 00", "a)=b"), ("\u{feff}SHA1(a)= 00", "a"),
        ])
    func spacing(line: String, name: String) {
        let manifest = manifest("\n" + line + "\r\n\n")
        #expect(manifest.entries.map(\.name) == [Array(name.utf8)] || line.hasPrefix("\u{feff}"))
        #expect(Manifest(parsing: Array(line.utf8)).entries.map(\.name) == [Array(name.utf8)])
    }

    @Test(
        "a line that is not spaced as ESXi wants it is a finding, and is read all the same",
        arguments: [
            ("SHA256(a.vmdk)= 00", true), ("SHA256(a.vmdk)= 00\r", true), ("SHA256 (a.vmdk)= 00", false),
            ("SHA256(a.vmdk) = 00", false), ("SHA256(a.vmdk)=00", false), ("SHA256(a.vmdk)=  00", false),
            ("SHA256( a.vmdk )= 00", false), (" SHA256(a.vmdk)= 00", false), ("SHA256(a.vmdk)= 00 ", false),
            ("SHA256 (a.vmdk) = 00", false), ("SHA256(a.vmdk)=\t00", false), ("SHA1(a (1).vmdk)= 00", true),
        ])
    func standardSpacing(line: String, isStandard: Bool) {
        let manifest = manifest(line + "\n")
        #expect(manifest.entries.map(\.digest) == ["00"])
        #expect(manifest.warnings.contains { $0.code == .manifestSpacing && $0.line == 1 } == !isStandard)
        let thousand = self.manifest(String(repeating: line + "\n", count: 1000))
        #expect(thousand.warnings.count { $0.code == .manifestSpacing } == (isStandard ? 0 : 1))
    }

    @Test("a manifest of more lines or bytes than a package can need is refused, and takes little memory")
    func bombs() throws {
        let lines = Array(String(repeating: "SHA1(a)=0\n", count: Manifest.maximumEntryCount + 1).utf8)
        #expect(throws: ReadError.self) { try Manifest(reading: MemorySource(lines)) }
        #expect(Manifest(parsing: lines + lines).entries.count == Manifest.maximumEntryCount + 1)
        let long = ZeroSource(byteCount: Manifest.maximumByteCount + 1)
        #expect(throws: ReadError.self) { try Manifest(reading: long) }
        let budget = OpeningBudget(byteLimit: 1_000)
        let error = #expect(throws: ReadError.self) {
            try Manifest(reading: MemorySource(Array(lines.prefix(5_000))), budget: budget)
        }
        guard case .overBudget? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("the last line needs no line feed, and names are any bytes")
    func bytes() {
        let manifest = Manifest(parsing: Array("SHA1(".utf8) + [0xe9, 0xff] + Array(")= 00".utf8))
        #expect(manifest.entries.map(\.name) == [[0xe9, 0xff]])
    }

    @Test(
        "a line that is none is reported with its number, and the others count",
        arguments: [
            "nonsense", "SHA1(a)", "SHA1 a = 00", "SHA1()= 00", "SHA1(a)= xyz", "SHA3(a)= 00", "SHA1)a(= 00",
            "SHA1(a)=",
        ])
    func unreadable(line: String) {
        let manifest = manifest("SHA1(x)= 00\n\(line)\nSHA1(y)= 00\n")
        #expect(manifest.entries.map(\.line) == [1, 3])
        #expect(
            manifest.warnings
                == manifest.warnings.filter { $0.code == .manifestLineUnreadable && $0.line == 2 })
        #expect(manifest.warnings.count == 1)
    }

    private func package(_ members: [(String, [UInt8])]) throws -> OVFPackage {
        var builder = TarBuilder()
        for (path, data) in members { builder.add(Array(path.utf8), data) }
        builder.finish()
        return try OVFPackage(archive: MemorySource(builder.bytes))
    }

    private static let abcSHA1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
    private static let abcSHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    private func verify(_ text: String, _ members: [(String, [UInt8])]) throws -> (
        outcomes: [PackageVerifier.Outcome], map: ManifestMap
    ) {
        let package = try package([("x.ovf", []), ("x.mf", Array(text.utf8))] + members)
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        let results = PackageVerifier(map, of: package).run(threadCount: 2)
        #expect(results.map(\.memberIndex) == Array(package.members.indices))
        return (results.dropFirst(2).map(\.outcome), map)
    }

    @Test("every algorithm is computed rightly")
    func algorithms() throws {
        let digests = [
            "MD5": "900150983cd24fb0d6963f7d28e17f72", "SHA1": Self.abcSHA1, "SHA256": Self.abcSHA256,
            "SHA384":
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            "SHA512":
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ]
        let text = digests.map { "\($0)(d)= \($1.uppercased())" }.joined(separator: "\n")
        #expect(try verify(text, [("d", Array("abc".utf8))]).outcomes == [.ok(Set(DigestAlgorithm.allCases))])
    }

    @Test("a wrong digest names both, and its line")
    func mismatch() throws {
        let outcomes = try verify("SHA1(d)= 00\n", [("d", Array("abc".utf8))]).outcomes
        #expect(
            outcomes == [
                .bad([
                    PackageVerifier.Mismatch(algorithm: .sha1, expected: "00", actual: Self.abcSHA1, line: 1)
                ])
            ])
    }

    @Test("two digests for one file are both checked, and one that is wrong fails")
    func twoDigests() throws {
        let good = "SHA1(d)= \(Self.abcSHA1)\nSHA256(d)= \(Self.abcSHA256)\n"
        let (outcomes, map) = try verify(good, [("d", Array("abc".utf8))])
        #expect(outcomes == [.ok([.sha1, .sha256])])
        #expect(map.warnings.contains { $0.code == .manifestDuplicate })
        let bad = try verify(good + "SHA256(d)= 11\n", [("d", Array("abc".utf8))]).outcomes
        guard case .bad = bad[0] else {
            Issue.record("a wrong third line was not noticed")
            return
        }
    }

    @Test("a line for the manifest itself and a line for an absent file are reported and fail nothing")
    func harmless() throws {
        let (outcomes, map) = try verify(
            "SHA1(x.mf)= 00\nSHA1(none)= 00\nSHA1(d)= \(Self.abcSHA1)\n", [("d", Array("abc".utf8))])
        #expect(outcomes == [.ok([.sha1])])
        #expect(map.warnings.contains { $0.code == .manifestListsItself })
        #expect(map.warnings.contains { $0.code == .manifestFileAbsent })
        #expect(map.absent.map(\.name) == [Array("none".utf8)])
    }

    @Test("a member that is not listed is unlisted; a name never matches by its last component alone")
    func unlisted() throws {
        let (outcomes, map) = try verify("SHA1(other/d)= \(Self.abcSHA1)\n", [("d", Array("abc".utf8))])
        #expect(outcomes == [.unlisted])
        #expect(map.warnings.contains { $0.code == .manifestUnlisted })
    }

    @Test("names are relative to the manifest's folder")
    func folders() throws {
        let package = try package([
            ("sub/x.ovf", []), ("sub/x.mf", Array("SHA1(d)= \(Self.abcSHA1)\n".utf8)), ("d", []),
            ("sub/d", Array("abc".utf8)),
        ])
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        #expect(PackageVerifier(map, of: package).run(threadCount: 1)[3].outcome == .ok([.sha1]))
    }

    @Test("a member that the archive ends inside cannot be verified")
    func cutShort() throws {
        var builder = TarBuilder()
        builder.add("x.ovf")
        builder.add("x.mf", Array("SHA1(d)= \(Self.abcSHA1)\n".utf8))
        builder.add("d", [UInt8](repeating: 1, count: 4096))
        let package = try OVFPackage(archive: MemorySource(Array(builder.bytes.dropLast(100))))
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        guard case .unreadable = PackageVerifier(map, of: package).run(threadCount: 1)[2].outcome else {
            Issue.record("a member that is cut short was verified")
            return
        }
    }

    @Test("several threads hash every byte once and say how far they are")
    func progress() throws {
        let members = (0..<20).map { ("d\($0)", [UInt8](repeating: UInt8($0), count: 300_000 * $0 / 10)) }
        let text = members.map { "SHA256(\($0.0))= 00" }.joined(separator: "\n")
        let package = try package([("x.ovf", []), ("x.mf", Array(text.utf8))] + members)
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        let verifier = PackageVerifier(map, of: package)
        let most = Mutex<UInt64>(0)
        let results = verifier.run(threadCount: 4) { done in most.withLock { $0 = max($0, done) } }
        #expect(most.withLock { $0 } == verifier.byteCount)
        #expect(results.count == 22)
    }

    @Test(
        "a source that is lost ends the check: no digest is called wrong, and nobody asks for the rest",
        arguments: [1, 4])
    func loss(threadCount: Int) throws {
        let names = (0..<20).map { "d\($0)" }
        var builder = TarBuilder()
        builder.add("x.ovf")
        builder.add("x.mf", Array(names.map { "SHA1(\($0))= \(Self.abcSHA1)\n" }.joined().utf8))
        for name in names { builder.add(name, Array("abc".utf8)) }
        builder.finish()
        for error in [ReadError.remote(source: "x", reason: "silence"), .stale(source: "x")] {
            let source = LeavingSource(MemorySource(builder.bytes), error)
            let package = try OVFPackage(archive: source)
            let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
            source.leave(after: 5)
            let results = PackageVerifier(map, of: package).run(threadCount: threadCount)
            #expect(results.loss == error)
            #expect((1...threadCount).contains(source.refusedCount))
            let outcomes = results.dropFirst(2).map(\.outcome)
            #expect(outcomes.allSatisfy { [.ok([.sha1]), .unreadable(error)].contains($0) })
            #expect(outcomes.count { $0 == .ok([.sha1]) } <= 5)
            source.leave(after: .max)
            #expect(PackageVerifier(map, of: package).run(threadCount: threadCount).loss == nil)
        }
    }

    @Test("coreutils' form: names as shown, a line feed, carriage return or backslash escaped")
    func checksums() throws {
        let text = "SHA1(a)= 00\nSHA1(b\\c)= 11\nSHA256(a)= 22\nSHA1(none)= 33\n"
        let package = try package([("x.ovf", []), ("x.mf", Array(text.utf8)), ("a", []), ("b\\c", [])])
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        #expect(String(decoding: map.checksums(.sha1), as: UTF8.self) == "00  a\n\\11  b\\\\c\n")
        #expect(String(decoding: map.checksums(.sha256), as: UTF8.self) == "22  a\n")
        #expect(map.algorithms == [.sha1, .sha256])
    }

    @Test("sha256sum reads the form back, hostile names included")
    func coreutils() throws {
        let scratch = try ScratchFolder()
        let names = ["plain", "back\\slash", "carriage\rreturn", " leading", "*star"]
        let listed = names.map { "SHA256(\($0))= \(Self.abcSHA256)" }.joined(separator: "\n")
        let members = names.map { ($0, Array("abc".utf8)) }
        let package = try package([("x.ovf", []), ("x.mf", Array(listed.utf8))] + members)
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        for name in names { try scratch.write(name, Array("abc".utf8)) }
        try scratch.write("sums", map.checksums(.sha256))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/sha256sum")
        process.arguments = ["-c", "--quiet", "sums"]
        process.currentDirectoryURL = scratch.url
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("changed bytes never trap")
    func mutations() throws {
        let text = "SHA1(a)= \(Self.abcSHA1)\r\nSHA256 ( b ) = \(Self.abcSHA256)\nMD5(x.mf)= 00\n"
        let package = try package([("x.ovf", []), ("a", []), ("b", [])])
        var random = Mutator(seed: 3)
        for _ in 0..<2_000 {
            let map = ManifestMap(Manifest(parsing: random.mutate(Array(text.utf8))), of: package)
            _ = map.checksums(.sha1)
        }
    }
}

@Suite("Manifests of other programs", .enabled(if: Corpus.isPresent, "\(Corpus.absence)"))
struct ManifestCorpusTests {
    private struct Expectation: Decodable {
        let id: String
        let file: String
        let manifest: String?
        let manifest_algo: String?
        let manifest_valid: Bool?
    }

    @Test("every manifest of the generated packages is as its expectation says")
    func generated() throws {
        let url = Corpus.folder.appending(path: "generated/expectations.json")
        let records = try JSONDecoder().decode([Expectation].self, from: Data(contentsOf: url))
        var checked = 0
        for record in records {
            guard let isValid = record.manifest_valid, record.manifest != nil else { continue }
            let package = try OVFPackage(archive: Corpus.open("generated/\(record.file)"))
            let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
            let outcomes = PackageVerifier(map, of: package).run(threadCount: 2).map(\.outcome)
            let isBad = outcomes.contains {
                if case .bad = $0 { true } else { false }
            }
            #expect(isBad == !isValid, "\(record.id)")
            if isValid, let name = record.manifest_algo,
                let algorithm = DigestAlgorithm(spelling: Array(name.utf8)[...])
            {
                #expect(map.algorithms == [algorithm], "\(record.id)")
            }
            checked += 1
        }
        #expect(checked >= 15)
    }

    @Test("a manifest with itself, its certificate and repeated lines is read, and reported")
    func openOVF() throws {
        let package = try OVFPackage(archive: Corpus.open("third-party/Awingu+open-ovf/ourOVF.ova"))
        let map = ManifestMap(try Manifest(reading: #require(package.manifest).source), of: package)
        let codes = Set(map.warnings.map(\.code))
        #expect(codes.isSuperset(of: [.manifestListsItself, .manifestDuplicate]))
    }
}
