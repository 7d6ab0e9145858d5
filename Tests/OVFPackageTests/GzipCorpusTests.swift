// Tests of gzip files that are packages, or are in packages.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources
import Testing

@testable import OVFPackage

@Suite("Compressed packages and disks", .enabled(if: Corpus.isPresent, "\(Corpus.absence)"))
struct GzipCorpusTests {
    private static func decoding(
        _ source: any ByteSource, limit: UInt64 = 1 << 30
    ) throws -> (any ByteSource)? {
        try CompressedSource.decoding(
            source, named: "file",
            in: CompressedSource.Context(
                maximumByteCount: limit, budget: OpeningBudget(), cache: StretchCache(byteLimit: 64 << 20)))
    }

    @Test("a package that is compressed as a whole is read as one that is not")
    func wholePackage() throws {
        let file = try Corpus.open("third-party/ganeti+ganeti/ova.ova")
        #expect(CompressionFormat(firstBytes: try file.bytes(4, at: 0)) == .gzip)
        let archive = try #require(try Self.decoding(file))
        let package = try OVFPackage(archive: archive)
        #expect(package.members.map(\.displayPath) == ["ganeti.ovf", "new_disk.vmdk"])
        let envelope = try EnvelopeParser(reading: #require(package.descriptor).source).envelope
        #expect(envelope.ganeti?.contains(SectionValue(path: "Hypervisor/Name", value: "xen-pvm")) == true)
    }

    @Test("a compressed disk of a package decodes to a disk image")
    func compressedDisk() throws {
        let package = try OVFPackage(archive: Corpus.open("generated/good/V05-gzip.ova"))
        let envelope = try EnvelopeParser(reading: #require(package.descriptor).source).envelope
        #expect(envelope.files.map(\.compression) == [.gzip])
        let file = try #require(PackageFile.files(of: envelope, in: package).files[0])
        let limit = CompressedSource.maximumByteCount(forCapacity: envelope.disks[0].capacity)
        let disk = try #require(try Self.decoding(file.source, limit: limit))
        #expect(try disk.bytes(4, at: 0) == Array("KDMV".utf8))
    }

    @Test("a disk that is a bomb is refused by its capacity")
    func bomb() throws {
        let package = try OVFPackage(archive: Corpus.open("generated/hostile/V40-gzip-bomb.ova"))
        let envelope = try EnvelopeParser(reading: #require(package.descriptor).source).envelope
        let index = try #require(envelope.disks.firstIndex { envelope.file(of: $0)?.compression == .gzip })
        let fileIndex = try #require(envelope.disks[index].fileIndex)
        let file = try #require(PackageFile.files(of: envelope, in: package).files[fileIndex])
        let limit = CompressedSource.maximumByteCount(forCapacity: envelope.disks[index].capacity)
        #expect(throws: ReadError.self) { try Self.decoding(file.source, limit: limit) }
    }

    @Test("a file that says it is compressed and is not is left as it is")
    func notCompressed() throws {
        let package = try OVFPackage(archive: Corpus.open("third-party/Awingu+open-ovf/ourOVF.ova"))
        let disk = try #require(package.members.first { $0.displayPath == "Ubuntu-0.vmdk" })
        #expect(try Self.decoding(disk.source) == nil)
    }
}
