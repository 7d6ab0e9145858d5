// Tests of the text that describes a VMDK disk.
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import DiskImages

@Suite("The descriptor of a VMDK")
struct VMDKDescriptorTests {
    @Test("what VMware writes is understood")
    func usual() {
        let text = """
            # Disk DescriptorFile
            version=1
            CID=6b53244c
            parentCID=ffffffff
            createType="streamOptimized"

            # Extent description
            RDONLY 102400 SPARSE "generated-stream.vmdk"

            #DDB
            ddb.adapterType = "lsilogic"
            """
        let descriptor = VMDKDescriptor(parsing: text.utf8)
        #expect(descriptor.createType == "streamOptimized")
        #expect(descriptor.contentID == "6b53244c")
        #expect(descriptor.parentContentID == "ffffffff")
        #expect(descriptor.adapterType == "lsilogic")
        #expect(!descriptor.isDelta)
        #expect(
            descriptor.extents == [
                .init(sectorCount: 102_400, kind: "SPARSE", fileName: "generated-stream.vmdk")
            ])
        #expect(descriptor.warnings(capacity: 102_400) == [])
    }

    @Test(
        "spaces, case, quotes, line ends and a missing prefix make no difference",
        arguments: [
            "createType=streamOptimized\r\nadapterType = \"ide\" \r\n",
            "CREATETYPE = \"streamOptimized\"\n\tddb.adapterType=ide",
            "\u{feff}\ncreatetype= streamOptimized\rDDB.ADAPTERTYPE=\"ide\"",
        ])
    func spelling(text: String) {
        let descriptor = VMDKDescriptor(parsing: text.utf8)
        #expect(descriptor.createType == "streamOptimized")
        #expect(descriptor.adapterType == "ide")
    }

    @Test(
        "a parent other than ffffffff makes a delta",
        arguments: [
            ("parentCID=ffffffff", false), ("parentCID=FFFFFFFF ", false), ("parentCID=00000000", true),
            ("parentCID=1234abcd", true), ("parentCID=what", true), ("parentFileNameHint=\"a.vmdk\"", true),
            ("", false),
        ])
    func delta(text: String, isDelta: Bool) {
        #expect(VMDKDescriptor(parsing: text.utf8).isDelta == isDelta)
    }

    @Test(
        "an extent line of any shape is no trap",
        arguments: [
            "RW", "RW ", "RW 1", "RW x SPARSE", "RW 99999999999999999999 SPARSE \"a", "RW 1 FLAT \"a\" 0",
            "RW 1 ZERO",
            "RW 1 SPARSE \"\"", "rdonly 1 sparse name.vmdk",
        ])
    func extentLines(line: String) {
        #expect(VMDKDescriptor(parsing: line.utf8).extents.count <= 1)
    }

    @Test("what follows a NUL, a line too long, and extents too many are left alone")
    func limits() {
        #expect(VMDKDescriptor(parsing: Array("CID=1\n\0createType=x".utf8)).createType == nil)
        let long = "createType=" + String(repeating: "x", count: VMDKDescriptor.maximumLineByteCount)
        #expect(VMDKDescriptor(parsing: long.utf8).createType == nil)
        let many = String(repeating: "RW 1 SPARSE \"a\"\n", count: 1_000)
        #expect(VMDKDescriptor(parsing: many.utf8).extents.count == VMDKDescriptor.maximumExtents)
    }

    @Test("texts of a file reach messages without control characters and at a bounded length")
    func shown() {
        #expect(VMDKDescriptor.shown("a\u{1b}[31m\nb\u{202e}") == "\"a?[31m?b?\"")
        #expect(VMDKDescriptor.shown(String(repeating: "x", count: 1_000)).count == 82)
    }

    @Test(
        "a descriptor file is known by its first line",
        arguments: [
            ("# Disk DescriptorFile\n", true), ("\r\n # disk descriptorFILE", true),
            ("# Disk Descriptor", false),
            ("", false), ("#!/bin/sh\n# Disk DescriptorFile", false),
        ])
    func recognised(text: String, isDescriptor: Bool) {
        #expect(VMDKDescriptor.isDescriptor(text.utf8) == isDescriptor)
    }

    @Test("lines of combining marks are taken apart in the time of their length")
    func marks() throws {
        let marks = String(repeating: "\u{301}\u{316}", count: 1_000)
        let lines = [
            "X\(marks)=1\n", "RW\(marks) 1 SPARSE \"a\"\n", "RW 1 SPARSE \(marks)\n",
            "createType=\"\(marks)\"\n",
        ]
        for line in lines {
            let count = VMDKDescriptor.maximumByteCount / line.utf8.count
            let text = Array(String(repeating: line, count: count).utf8)
            let time = ContinuousClock().measure {
                let descriptor = VMDKDescriptor(parsing: text)
                _ = descriptor.warnings(capacity: 1)
                for line in text.split(separator: 0x0a) { _ = VMDKExtentLine.isMeant(by: line) }
            }
            // Compared as text, each takes a hundred times as long.
            #expect(time < .seconds(10), "\(time): \(line.prefix(10))")
        }
    }

    @Test("random bytes are no trap")
    func random() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<200 {
            let bytes = random.bytes(200).map { $0 % 3 == 0 ? [0x0a, 0x3d, 0x22, 0x20][Int($0 % 4)] : $0 }
            let descriptor = VMDKDescriptor(parsing: bytes)
            _ = descriptor.warnings(capacity: 1)
        }
    }
}
