// Changes packages by their grammar: members, descriptors, images, manifests.
// SPDX-License-Identifier: Apache-2.0

import Crypto
import TestSupport

/// Makes archives that are still archives: what is damaged is a member, a field of a header, a value of a descriptor or the
/// order of members, and sizes, checksums and digests are mostly made right again, or nothing behind them would be reached.
struct PackageMutator {
    private var random: SeededRandom
    /// Longest archive, in bytes.
    private let byteLimit: Int

    init(seed: UInt64, byteLimit: Int) {
        random = SeededRandom(seed: seed)
        self.byteLimit = byteLimit
    }

    /// Makes a few changes.
    ///
    /// - Parameters:
    ///   - archive: what to start from.
    ///   - damage: changes bytes in a way that knows nothing of them, to at most this many.
    /// - Returns: the archive with the changes; as it is where they would make it longer than the limit.
    mutating func changed(_ archive: [UInt8], damage: ([UInt8], Int) -> [UInt8]) -> [UInt8] {
        var package = ArchiveParts(archive)
        var keepsChecksums = true
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            keepsChecksums = change(&package, damage) && keepsChecksums
        }
        if Int.random(in: 0..<4, using: &random) > 0 { repairDigests(&package) }
        let bytes = package.bytes(withRightChecksums: keepsChecksums || Bool.random(using: &random))
        return bytes.count <= byteLimit ? bytes : archive
    }

    /// Makes one change.
    /// - Returns: whether the checksums of headers are to be right afterwards.
    private mutating func change(_ package: inout ArchiveParts, _ damage: ([UInt8], Int) -> [UInt8]) -> Bool {
        guard let index = package.members.indices.randomElement(using: &random) else {
            package.members = ArchiveParts(Seeds.packages.randomElement(using: &random) ?? []).members
            return true
        }
        let room = byteLimit / 2
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1, 2:
            package.members[index].replaceContent(damage(package.members[index].content, room))
        case 3: changeField(of: &package.members[index], damage)
        case 4: package.members.remove(at: index)
        case 5:
            let place = Int.random(in: 0...package.members.count, using: &random)
            if package.members.count < 200 { package.members.insert(package.members[index], at: place) }
        case 6:
            package.members.swapAt(index, Int.random(in: 0..<package.members.count, using: &random))
        case 7: package.members[index].replaceContent(part())
        case 8: package.members[index].name = Self.names.randomElement(using: &random) ?? ""
        case 9: package.members[index].type = Self.types.randomElement(using: &random) ?? 0
        case 10: insertExtendedHeader(before: index, &package)
        case 11:
            package.members[index].replaceContent(GzipCompressor.compress(package.members[index].content))
        case 12, 13: changeDescriptor(&package)
        default: break
        }
        return Int.random(in: 0..<8, using: &random) > 0
    }

    private static let names = [
        "x.ovf", "x.mf", "x.cert", "d.vmdk", "d.vmdk.gz", "./d.vmdk", "f/d.vmdk", "../d.vmdk", "D.VMDK",
        "x.ova",
        "d.vmdk.000000000", "d.vmdk.000000001", "y.ovf", "base", "",
    ]
    private static let types = Array("01256xgLKSVD".utf8)
    private static let fields = [
        0..<100, 100..<124, 124..<136, 136..<148, 156..<157, 157..<257, 257..<265, 345..<500,
    ]

    private mutating func changeField(
        of member: inout ArchiveParts.Member, _ damage: ([UInt8], Int) -> [UInt8]
    ) {
        guard let field = Self.fields.randomElement(using: &random) else { return }
        let bytes = damage(Array(member.header[field]), field.count).prefix(field.count)
        member.header.replaceSubrange(field.lowerBound..<(field.lowerBound + bytes.count), with: bytes)
    }

    /// Something else that a member can be.
    private mutating func part() -> [UInt8] {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: Array(Seeds.descriptor().utf8)
        case 1: Array((Seeds.manifests.randomElement(using: &random) ?? "").utf8)
        case 2:
            (CompressedSeeds.zstd + CompressedSeeds.xz + CompressedSeeds.bzip2).randomElement(using: &random)
                ?? []
        default: Seeds.images.randomElement(using: &random) ?? []
        }
    }

    private mutating func insertExtendedHeader(before index: Int, _ package: inout ArchiveParts) {
        let size = package.members[index].content.count
        let records = [
            ("path", "d.vmdk"), ("path", "x.ovf"), ("linkpath", "d.vmdk"), ("size", "\(size)"),
            ("size", "\(size &+ 512)"), ("mtime", "1.5"), ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "d.vmdk"), ("GNU.sparse.realsize", "\(size * 2)"),
            ("GNU.sparse.map", "0,\(size)"), ("GNU.sparse.size", "\(size + 1)"),
        ]
        var tar = TarBuilder()
        let count = Int.random(in: 1...4, using: &random)
        let chosen = (0..<count).compactMap { _ in records.randomElement(using: &random) }
        tar.addPax(chosen, type: Int.random(in: 0..<4, using: &random) == 0 ? "g" : "x")
        package.members.insert(contentsOf: ArchiveParts(tar.bytes).members, at: index)
    }

    /// Gives an attribute of the descriptor another value: one that another attribute has, or an edge of what fits.
    private mutating func changeDescriptor(_ package: inout ArchiveParts) {
        guard let index = package.members.firstIndex(where: { $0.name.hasSuffix(".ovf") }) else { return }
        let content = package.members[index].content
        guard content.count < 1 << 16 else { return }
        var pieces = content.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false).map(
            Array.init)
        let values = Array(stride(from: 1, to: pieces.count, by: 2))
        guard let value = values.randomElement(using: &random),
            let other = values.randomElement(using: &random)
        else { return }
        if Bool.random(using: &random) {
            pieces[value] = pieces[other]
        } else {
            pieces[value] = Array((Self.values.randomElement(using: &random) ?? "").utf8)
        }
        package.members[index].replaceContent(Array(pieces.joined(separator: [UInt8(ascii: "\"")])))
    }

    private static let values = [
        "", "0", "1", "-1", "512", "9223372036854775807", "18446744073709551616", "byte * 2^30",
        "byte * 2^64", "${c}",
        "${${c}}", "gzip", "identity", "d", "f", "ovf:/disk/d", "d.vmdk", "../x", "x.ovf", "true", "2048",
        "http://schemas.dmtf.org/ovf/envelope/2", "&#0;",
    ]

    /// Has each manifest state the digests of the members that are there now.
    private mutating func repairDigests(_ package: inout ArchiveParts) {
        guard let index = package.members.firstIndex(where: { $0.name.hasSuffix(".mf") }) else { return }
        var text = ""
        for member in package.members where !member.name.hasSuffix(".mf") && member.type == UInt8(ascii: "0")
        {
            let digits = SHA256.hash(data: member.content).map { byte in
                String(byte >> 4, radix: 16) + String(byte & 0xf, radix: 16)
            }
            text += "SHA256(\(member.name))= \(digits.joined())\n"
        }
        package.members[index].replaceContent(Array(text.utf8))
    }
}
