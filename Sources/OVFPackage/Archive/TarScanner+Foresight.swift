// What a scan of an archive that is far away asks for before it comes there.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension TarScanner {
    /// What is asked for before and behind each place where a member ends and the next one begins, in bytes: images of disks
    /// say at their starts what they are, and many lead at their ends to their tables.
    private static let margin: UInt64 = 64 << 10
    /// Members that are foreseen; those behind them are found one after the other.
    private static let mostMembers = 64
    /// No longer descriptor is read twice, in bytes.
    private static let longestDescriptor: UInt64 = 1 << 20

    /// Where the next header is far away: asks, once for a scan, for the ends and the starts of all members that the
    /// descriptor says will follow, so that they come together and not one after the other. Where it is wrong, that costs
    /// what is brought in vain, and nothing else.
    mutating func foresee() {
        guard !hasForeseen, !source.isNear, position <= source.byteCount,
            source.byteCount - position >= UInt64(TarHeader.blockByteCount),
            !source.isAtHand(position..<(position + UInt64(TarHeader.blockByteCount))),
            let descriptor = found.first(where: { Self.hasSuffix($0.path, ".ovf") })
        else { return }
        hasForeseen = true
        for place in places(ofMembersIn: descriptor) {
            let end = place + min(Self.margin, source.byteCount - place)
            source.prepare((place - min(place, Self.margin))..<end)
        }
    }

    /// Where the next header is, and those of the members behind it, by the sizes of the References.
    private func places(ofMembersIn descriptor: Found) -> [UInt64] {
        var places = [position]
        guard let envelope = envelope(of: descriptor) else { return places }
        // Files are in the order of the References.
        // Spec: DSP0243, 5.3 "Distribution".
        let knownCount = found.count { member in
            ![".ovf", ".mf", ".cert"].contains { Self.hasSuffix(member.path, $0) }
        }
        for file in envelope.files.dropFirst(knownCount).prefix(Self.mostMembers) {
            guard file.chunkByteCount == nil, let byteCount = file.byteCount, let last = places.last,
                let end = try? end(ofData: byteCount, at: last + UInt64(TarHeader.blockByteCount)),
                end <= source.byteCount,
                source.byteCount - end >= UInt64(TarHeader.blockByteCount)
            else { break }
            places.append(end)
        }
        return places
    }

    /// What a descriptor says; nil where it cannot be understood, or is too long to be read twice.
    func envelope(of descriptor: Found) -> Envelope? {
        guard descriptor.source.byteCount <= Self.longestDescriptor else { return nil }
        return try? EnvelopeParser(
            reading: descriptor.source,
            // What it takes is given back before the scan goes on.
            budget: OpeningBudget(
                byteLimit: budget.byteLimit - min(budget.byteLimit, budget.usedByteCount))
        ).envelope
    }

    static func hasSuffix(_ path: [UInt8], _ suffix: String) -> Bool {
        path.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) {
            $0 == $1 || $0 | 0x20 == $1 && (0x41...0x5a).contains($0)
        }
    }
}
