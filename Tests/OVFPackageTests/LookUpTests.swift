// Tests of what looking names up costs, and that it finds the same.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import OVFPackage

@Suite("Looking names up")
struct LookUpTests {
    private func package(
        _ descriptor: String, _ add: (inout TarBuilder) -> Void
    ) throws -> OVFPackage {
        var builder = TarBuilder()
        builder.add(Array(descriptor.utf8), [])
        add(&builder)
        builder.finish()
        return try OVFPackage(archive: MemorySource(builder.bytes))
    }

    @Test("names are compared by canonical equivalence up to a bound, and a finding says where that ends")
    func normalization() throws {
        let package = try package("x.ovf") { $0.add("cafe\u{301}.vmdk", [1]) }
        let resolver = HrefResolver(package.members, allowsOtherFolders: true)
        #expect(resolver.resolve("caf\u{e9}.vmdk") == .found(1, .normalized))
        #expect(!resolver.hasGivenUpNormalizing)
        // In all twice the bound.
        let long = String(repeating: "\u{e9}", count: 32_000)
        for number in 0..<(2 * NormalizationWork.maximumByteCount / 64_000) {
            #expect(resolver.resolve("\(long)\(number)") == .absent)
        }
        #expect(resolver.hasGivenUpNormalizing)
        #expect(resolver.resolve("caf\u{e9}.vmdk") == .absent)
        #expect(resolver.resolve("cafe\u{301}.vmdk") == .found(1, .exact))
    }

    @Test("what is left out of the comparison is a finding")
    func finding() throws {
        let package = try package("x.ovf") { $0.add("cafe\u{301}.vmdk", [1]) }
        let long = String(repeating: "\u{e9}", count: 32_000)
        let files = (0..<100).map { "<File ovf:id=\"\($0)\" ovf:href=\"\(long)\($0)\"/>" }.joined()
        let envelope = try EnvelopeBuilder(files: files).envelope()
        let (_, _, warnings) = PackageFile.files(of: envelope, in: package)
        #expect(
            warnings.contains { $0.code == .hrefInexact && $0.message == HrefResolver.normalizingProblem })
    }

    @Test("what names of one package cost to compare has one bound, whoever compares them, and one finding")
    func sharedBound() throws {
        let descriptor = Array(EnvelopeBuilder(files: "<File ovf:href=\"x\"/>").text.utf8)
        // A little less than half of the bound, and each name is compared twice: whole, and its last component.
        let names = (0..<32).map { "\(String(repeating: "\u{e9}", count: 15_000))\($0)" }
        let package = try package("y") { tar in
            tar.add("x.ovf", descriptor)
            for name in names {
                tar.addLong(Array(name.utf8), type: "L")
                tar.add("n")
            }
        }
        let envelope = try EnvelopeParser(parsing: descriptor).envelope
        let findings = (0..<3).flatMap { _ in PackageFile.files(of: envelope, in: package).warnings }
            .filter { $0.message == HrefResolver.normalizingProblem }
        #expect(findings.count == 1)
        #expect(package.normalizationWork.isDone)
    }

    @Test("a folder of the descriptor is compared by canonical equivalence, too")
    func normalizedFolder() throws {
        let package = try package("d/x.ovf") { $0.add("d/cafe\u{301}", [1]) }
        let resolver = HrefResolver(
            package.members, relativeTo: package.descriptor, allowsOtherFolders: false)
        #expect(resolver.resolve("caf\u{e9}") == .found(1, .normalized))
        #expect(resolver.resolve("cafe\u{301}") == .found(1, .exact))
    }

    @Test(
        "of the members that are not shown, the innermost in the way of an href is named",
        arguments: [
            ("a/b/c", "a/b"), ("a/b", "a/b"), ("a/x/y", "a"), ("a", "a"), ("./a//z", "a"), ("c/d", "c/d"),
        ])
    func skipped(href: String, path: String) throws {
        let package = try package("x.ovf") {
            for name in ["a", "a/b", "c/d"] { $0.add(name, type: "2", link: "y") }
        }
        let found = SkippedMembers(package.skipped).found(onTheWayTo: href)
        #expect(found.map { String(decoding: $0.path, as: UTF8.self) } == path)
        #expect(SkippedMembers(package.skipped).found(onTheWayTo: "c") == nil)
        #expect(SkippedMembers(package.skipped).found(onTheWayTo: "b/a") == nil)
    }

    @Test("words of a list are split at white space and commas, and are not without end")
    func words() {
        #expect(" vmx-07,vmx-08\n vmx-09 ".words(orCommas: true) == ["vmx-07", "vmx-08", "vmx-09"])
        #expect("a,b c".words() == ["a,b", "c"])
        #expect("".words() == [])
        #expect(String(repeating: "a ", count: 1_000).words().count == 256)
    }

    @Test(
        "the first and the last part of a path",
        arguments: [
            ("a/b/c", "a", "c"), ("/a/b/", "a", "b"), ("a", "a", "a"), ("", "", ""), ("//", "", ""),
        ])
    func parts(path: String, first: String, last: String) {
        #expect(path.firstPart == first)
        #expect(path.lastPart == last)
    }

    @Test(
        "names are shown with what is no text escaped",
        arguments: [
            ([0x61, 0xff, 0x05] as [UInt8], "a\\xff\\u{5}"), ([0x0a, 0x1f], "\\u{a}\\u{1f}"),
            ([0xc2, 0x85, 0x7f], "\\u{85}\\u{7f}"), (Array("é".utf8), "é"), ([0xe2, 0x82], "\\xe2\\x82"),
        ])
    func displaying(bytes: [UInt8], text: String) {
        #expect(String(displaying: bytes) == text)
    }

    @Test("what is no UTF-8 is replaced as the standard library replaces it")
    func repairing() {
        var random = SeededRandom(seed: 11)
        let pieces: [[UInt8]] = [
            [0x41], [0xff], [0xc3], [0xa9], [0xc3, 0xa9], [0xe2, 0x82], [0xe2, 0x82, 0xac],
            [0xf0, 0x9f, 0x98],
            [0xf0, 0x9f, 0x98, 0x80], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf5, 0x80, 0x80, 0x80],
            [0xe0, 0x80],
        ]
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0..<12, using: &random)).flatMap { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            #expect(String(repairing: bytes) == String(decoding: bytes, as: UTF8.self), "\(bytes)")
        }
    }
}
