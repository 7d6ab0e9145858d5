// Tests of how a file's format is found.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("Finding the format of an image")
struct DiskImageOpenerTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let format: UndecodedFormat
        let start: [UInt8]
        var offset = 0
        var testDescription: String { format.name }
    }

    private static let samples: [Sample] =
        [
            Sample(format: .compressed(.gzip), start: [0x1f, 0x8b, 0x08]),
            Sample(format: .compressed(.xz), start: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
            Sample(format: .compressed(.zstd), start: [0x28, 0xb5, 0x2f, 0xfd]),
            Sample(
                format: .compressed(.bzip2), start: Array("BZh9".utf8) + [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]),
            Sample(format: .zip, start: [0x50, 0x4b, 0x03, 0x04]),
            Sample(format: .vma, start: Array("VMA\0".utf8)),
        ] + ForeignFormat.all.map { Sample(format: .foreign($0), start: $0.magic) }

    private func file(_ sample: Sample) -> MemorySource {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        bytes.put(sample.start, at: sample.offset)
        return MemorySource(bytes)
    }

    @Test("a format that is not decoded is refused by its name", arguments: samples)
    func refused(sample: Sample) throws {
        #expect(
            try DiskImageOpener.recognise(file(sample))
                == RecognisedFormat(name: sample.format.name, isDiskImage: false))
        let error = #expect(throws: ReadError.self) { try OpenedImage(file(sample), named: "disk.vmdk") }
        guard case .unsupported(let feature) = error else {
            Issue.record("refused as \(String(describing: error))")
            return
        }
        #expect(feature.contains(sample.format.name))
        #expect(feature.hasPrefix("disk.vmdk "))
    }

    @Test("a backup of Proxmox VE is unpacked by its own program, after what compressed it")
    func backup() throws {
        let vma = MemorySource(Array("VMA\0".utf8) + [0, 0, 0, 1])
        for (name, words) in [
            ("a.vma", "unpack it: vma extract 'a.vma' FOLDER"),
            ("a.vma.zst", "unpack it: zstd --decompress --keep 'a.vma.zst'; vma extract 'a.vma' FOLDER"),
        ] {
            let error = #expect(throws: ReadError.self) { try OpenedImage(vma, named: name) }
            #expect(error?.description.hasSuffix(words) == true, "\(String(describing: error))")
        }
    }

    @Test(
        "the advice names the file, as one word of a command",
        arguments: [
            ("disk.xz", "'disk.xz'"), ("it's a disk.xz", "'it'\\''s a disk.xz'"), ("-rf.xz", "'./-rf.xz'"),
        ])
    func advice(name: String, word: String) throws {
        let xz = MemorySource([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
        let error = #expect(throws: ReadError.self) { try OpenedImage(xz, named: name) }
        #expect(
            error?.description.hasSuffix("unpack it: xz --decompress --keep " + word) == true,
            "\(String(describing: error))")
    }

    @Test("a raw disk whose last sector cannot be read is one all the same, and says so")
    func unreadableEnd() throws {
        let bytes = [UInt8](repeating: 7, count: 64 << 10)
        let source = FailingSource(
            MemorySource(bytes), failingIn: UInt64(bytes.count - 512)..<UInt64(bytes.count))
        let opened = try OpenedImage(source, named: "disk.raw")
        #expect(opened.image.format == .raw && opened.image.virtualByteCount == 64 << 10)
        #expect(opened.image.warnings.count == 1 && opened.image.warnings[0].contains("last sector"))
        // Its start is another matter.
        let other = FailingSource(MemorySource(bytes), failingIn: 0..<512)
        #expect(throws: FailingSource.failure) { try OpenedImage(other, named: "disk.raw") }
    }

    @Test("a name has no say", arguments: ["disk.vmdk", "disk.qcow2", "", "0b6c7c52-3a1f"])
    func nameHasNoSay(name: String) throws {
        #expect(
            try OpenedImage(StreamOptimizedBuilder.usual().build().source, named: name).image.format != .raw)
        #expect(try OpenedImage(MemorySource(Array("ABCD".utf8)), named: name).image.format == .raw)
    }

    @Test(
        "what is near a magic is a raw disk",
        arguments: [
            [], [0x4b], Array("KDM".utf8), Array("VMDK".utf8), Array("BZh9 is a text".utf8),
            Array("LUKS".utf8),
            [0x1f, 0x8b],
        ])
    func raw(start: [UInt8]) throws {
        #expect(try DiskImageOpener.recognise(MemorySource(start)) == nil)
        #expect(try OpenedImage(MemorySource(start)).image.format == .raw)
    }

    @Test("a guest disk that holds an image is told by its content")
    func nested() throws {
        let inner = StreamOptimizedBuilder.usual().build()
        let disk = try OpenedImage(MemorySource([UInt8](repeating: 0, count: 512) + inner.bytes)).disk
        #expect(try DiskImageOpener.recognise(disk) == nil)
        let part = try SubrangeSource(of: disk, from: 512, byteCount: disk.byteCount - 512, named: "part")
        #expect(try DiskImageOpener.recognise(part) == RecognisedFormat(name: "VMDK", isDiskImage: true))
    }
}
