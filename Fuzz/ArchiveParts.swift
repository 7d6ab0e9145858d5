// A tar archive as members that can be changed.
// SPDX-License-Identifier: Apache-2.0

/// Headers and what is behind each, as far as an archive can be read by blocks alone.
struct ArchiveParts {
    /// A header and its data, whatever kind it is.
    struct Member {
        /// One block.
        var header: [UInt8]
        private(set) var content: [UInt8]

        init(header: [UInt8], content: [UInt8]) {
            self.header = header
            self.content = content
        }

        /// The field of the name, up to its NUL.
        var name: String {
            get { String(decoding: header[0..<100].prefix { $0 != 0 }, as: UTF8.self) }
            set {
                let bytes = Array(newValue.utf8.prefix(100))
                header.replaceSubrange(0..<100, with: bytes + [UInt8](repeating: 0, count: 100 - bytes.count))
            }
        }

        var type: UInt8 {
            get { header[156] }
            set { header[156] = newValue }
        }

        /// Replaces the data and says its length in the header.
        mutating func replaceContent(_ bytes: [UInt8]) {
            content = bytes
            header.replaceSubrange(124..<136, with: octal(bytes.count, width: 11) + [0])
        }

        /// Makes the header's checksum right.
        fileprivate mutating func repairChecksum() {
            header.replaceSubrange(148..<156, with: [UInt8](repeating: UInt8(ascii: " "), count: 8))
            let sum = header.reduce(0) { $0 + Int($1) }
            header.replaceSubrange(148..<155, with: octal(sum, width: 6) + [0])
        }

        private func octal(_ value: Int, width: Int) -> [UInt8] {
            let digits = String(value, radix: 8)
            return Array(
                (String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8.suffix(width))
        }
    }

    var members: [Member] = []
    /// What is behind the last member.
    private var tail: [UInt8]

    init(_ archive: [UInt8]) {
        var place = 0
        while archive.count - place >= 512, archive[place..<place + 512].contains(where: { $0 != 0 }) {
            let header = Array(archive[place..<place + 512])
            place += 512
            let digits = header[124..<135].drop { $0 == UInt8(ascii: " ") }.prefix { 0x30...0x37 ~= $0 }
            // Eleven digits: at most 2^33.
            let wanted = digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }
            let count = min(wanted, archive.count - place)
            members.append(Member(header: header, content: Array(archive[place..<place + count])))
            place = min(archive.count, place + (count + 511) / 512 * 512)
        }
        tail = Array(archive[place...])
    }

    /// The archive again.
    func bytes(withRightChecksums: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for var member in members {
            if withRightChecksums { member.repairChecksum() }
            bytes += member.header + member.content
            bytes += [UInt8](repeating: 0, count: (512 - member.content.count % 512) % 512)
        }
        return bytes + tail
    }
}
