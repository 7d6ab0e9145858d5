// Tests of what it costs to compare words of a stranger with words of a format.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import OVFPackage

@Suite("Words that are slow to compare")
struct WordCostTests {
    /// As many as take minutes where they are compared as text.
    private static let marks = Array(String(repeating: "\u{301}\u{316}", count: 120_000).utf8)

    /// Runs `body`, which is to take next to no time, also where it is built for debugging.
    private func expectShort(_ body: () throws -> Void) rethrows {
        let time = try ContinuousClock().measure(body)
        #expect(time < .seconds(10), "\(time)")
    }

    @Test("a keyword of a pax header", arguments: ["X", "path", "GNU.sparse.X"])
    func paxKeyword(start: String) throws {
        let body = [0x20] + Array(start.utf8) + Self.marks + Array("=1\n".utf8)
        // Six digits.
        let record = Array(String(body.count + 6).utf8) + body
        var records = PaxRecords()
        try expectShort { try records.merge(OnDiskRecord(record, named: "pax header")) }
        #expect(records.path == nil)
        #expect(records.sparse.isPresent == start.hasPrefix("GNU"))
    }

    @Test("the name of a digest, and a file's name in a manifest")
    func manifest() throws {
        let lines = [("X", "d.img"), ("SHA256", "d.img"), ("SHA256", "a")].map { algorithm, name in
            let isName = name == "a"
            return Array(algorithm.utf8) + (isName ? [] : Self.marks) + Array("(\(name)".utf8)
                + (isName ? Self.marks : []) + Array(")= 00\n".utf8)
        }
        var tar = TarBuilder()
        tar.add("x.ovf", Array(EnvelopeBuilder().text.utf8))
        tar.finish()
        let package = try OVFPackage(archive: MemorySource(tar.bytes))
        expectShort {
            let manifest = Manifest(parsing: Array(lines.joined()))
            #expect(manifest.entries.count == 1)
            #expect(manifest.warnings.filter { $0.code == .manifestLineUnreadable }.count == 2)
            #expect(ManifestMap(manifest, of: package).absent.count == 1)
        }
    }

    @Test("the label of a block of a certificate file, and what stands in it")
    func label() {
        for text in [
            Array("-----BEGIN X".utf8) + Self.marks + Array("-----\nAAAA\n-----END X".utf8) + Self.marks
                + Array("-----\n".utf8),
            Array("-----BEGIN CERTIFICATE-----\nA".utf8) + Self.marks
                + Array("\n-----END CERTIFICATE-----\n".utf8),
        ] {
            expectShort {
                let file = CertificateFile(parsing: text + text)
                #expect(file.certificates.isEmpty && !file.problems.isEmpty)
            }
        }
    }

    @Test("a text encoding, a unit and an adapter")
    func descriptor() {
        let marks = String(decoding: Self.marks, as: UTF8.self)
        expectShort {
            #expect(throws: DescriptorError.self) {
                try EnvelopeParser(parsing: Array("<?xml version=\"1.0\" encoding=\"U\(marks)\"?><E/>".utf8))
            }
            #expect(AllocationUnits("b\(marks)") == nil)
            #expect(
                AdapterType(subtype: "l\(marks)") == nil && AdapterType(vmdkDescriptor: "l\(marks)") == nil)
        }
    }

    @Test("problems of a certificate file are few and short, whatever they quote")
    func problems() {
        let long = String(repeating: "L", count: 500_000)
        let labels = [long] + (0..<40).map { "L\($0)" }
        let text = labels.map { "-----BEGIN \($0)-----\nAAAA\n-----END \($0)-----\n" }.joined()
        let problems = CertificateFile(parsing: Array(text.utf8)).problems
        #expect(problems.contains("a block of the type \"L0\" is not used"))
        #expect(problems.reduce(0) { $0 + $1.utf8.count } < 10_000)
        var many = CertificateProblems()
        for _ in 0..<1_000 { many.add(long) }
        #expect(many.lines.count == CertificateProblems.maximumCount + 1)
        #expect(many.lines.allSatisfy { $0.utf8.count < CertificateProblems.maximumLineByteCount + 10 })
    }
}
