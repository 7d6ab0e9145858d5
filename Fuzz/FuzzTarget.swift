// The parsers that are fed with damaged input, each with the reading that follows on it.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteSources
import CompressedSources
import DiskImages
import OVFPackage

/// What takes the bytes. An error is fine; a trap, a hang or memory without bound is what is looked for.
enum FuzzTarget: String, CaseIterable, ExpressibleByArgument {
    case tar
    case package
    case envelope
    case manifest
    case certificate
    case vmdk
    case gzip

    /// Whether an input is a tar archive, whose checksums have to be right to be read at all.
    var isArchive: Bool { self == .tar || self == .package }

    func parse(_ bytes: [UInt8]) {
        switch self {
        case .tar: if let index = try? TarIndex(scanning: MemorySource(bytes)) { read(index.members) }
        case .package: parsePackage(bytes)
        case .envelope: _ = try? EnvelopeParser(parsing: bytes)
        case .manifest: _ = Manifest(parsing: bytes)
        case .certificate: _ = CertificateFile(parsing: bytes)
        case .gzip: parseGzip(bytes)
        case .vmdk:
            parseImage(MemorySource(bytes), lenient: false)
            parseImage(MemorySource(bytes), lenient: true)
        }
    }

    private func parsePackage(_ bytes: [UInt8]) {
        guard let package = try? OVFPackage(archive: MemorySource(bytes)) else { return }
        read(package.members)
        if let descriptor = package.descriptor { _ = try? EnvelopeParser(reading: descriptor.source) }
        if let manifest = package.manifest { _ = try? Manifest(reading: manifest.source) }
        if let certificate = package.certificate { _ = try? CertificateFile(reading: certificate.source) }
        for member in package.members { parseImage(member.source, lenient: false) }
    }

    /// Reads a gzip file forwards and then where it was not read yet.
    private func parseGzip(_ bytes: [UInt8]) {
        let source = MemorySource(bytes)
        guard let file = try? GzipSource(decoding: source, maximumByteCount: 64 << 20, named: "file.gz")
        else { return }
        let count = min(file.byteCount, 4096)
        for offset in [0, file.byteCount / 2, file.byteCount - count, file.byteCount / 3] {
            _ = try? file.bytes(Int(min(count, file.byteCount - offset)), at: offset)
        }
    }

    /// Reads the head and the tail of each member.
    private func read(_ members: [PackageMember]) {
        for member in members {
            let count = min(member.source.byteCount, 4096)
            _ = try? member.source.bytes(Int(count), at: 0)
            _ = try? member.source.bytes(Int(count), at: member.source.byteCount - count)
        }
    }

    /// Opens an image and reads here and there, and asks where its data is.
    private func parseImage(_ source: any ByteSource, lenient: Bool) {
        let cache = ClusterCache(byteLimit: 32 << 20)
        let number = cache.makeDiskNumber()
        guard
            let image = try? DiskImageOpener.open(
                source, named: "disk", in: cache, for: number, options: .init(lenient: lenient))
        else { return }
        let disk = GuestDisk(image, in: source, cache: cache, number: number)
        var position: UInt64 = 0
        for _ in 0..<Self.stretchesRead where position < disk.byteCount {
            let count = min(disk.byteCount - position, 70_000)
            _ = try? disk.bytes(Int(count), at: position)
            guard let data = try? disk.firstOffset(of: .data, in: position + count..<disk.byteCount) else {
                break
            }
            position = data
        }
        let tail = min(disk.byteCount, 4096)
        _ = try? disk.bytes(Int(tail), at: disk.byteCount - tail)
    }

    /// Stretches of an image that are read in a round; more would make rounds slow.
    private static let stretchesRead = 24
}
