// Tests of how damaged places are counted: those that touch are one, in a check and in a copy.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Appliance

@Suite("Damaged places")
struct DamagedPlacesTests {
    private static func error(_ number: Int) -> ReadError {
        .corrupt(record: "grain", offset: UInt64(number), reason: "not a grain")
    }

    /// Places of 10 bytes, each with an error of its own.
    private static func places(_ numbers: [Int], errorLimit: Int = 100) -> DamagedPlaces {
        var places = DamagedPlaces(errorLimit: errorLimit)
        for number in numbers { places.append(UInt64(number) * 10..<UInt64(number) * 10 + 10, error(number)) }
        return places
    }

    private static func summary(_ places: DamagedPlaces) -> [String] {
        let (damages, count) = places.joined()
        return damages.map { "\($0.guestOffset)+\($0.byteCount): \($0.error.offset) \($0.furtherCount)" }
            + ["\(count)"]
    }

    @Test("places that touch are one, with the first error and the number of the others")
    func touching() {
        #expect(Self.summary(Self.places([])) == ["0"])
        #expect(Self.summary(Self.places([1, 2, 3, 7])) == ["10+30: 1 2", "70+10: 7 0", "2"])
        var places = DamagedPlaces(errorLimit: 9)
        for start in [0, 10, 20] as [UInt64] { places.append(start..<(start + 10), Self.error(5)) }
        #expect(Self.summary(places) == ["0+30: 5 0", "1"])
    }

    @Test("so are those of stretches that other threads looked at, in whatever order")
    func stretches() {
        var all = Self.places([])
        for numbers in [[6, 7], [2], [3, 4, 5], [9]] { all.append(Self.places(numbers)) }
        #expect(Self.summary(all) == ["20+60: 2 5", "90+10: 9 0", "2"])
    }

    @Test("the first places are listed, in whatever order they are found; what is not listed is counted")
    func limit() {
        var all = Self.places([], errorLimit: 2)
        for number in [8, 1, 2, 5] { all.append(Self.places([number], errorLimit: 2)) }
        #expect(Self.summary(all) == ["10+20: 1 1", "50+10: 5 0", "3"])

        // Of each three one is sound, and threads are up to 50 places apart.
        let numbers = (0..<6_000).filter { $0 % 3 != 2 }
        let inOrder = Self.summary(Self.places(numbers, errorLimit: 1_000))
        #expect(inOrder.count == 1_001 && inOrder.last == "2000")
        var random = SystemRandomNumberGenerator()
        var mixed = DamagedPlaces(errorLimit: 1_000)
        for start in stride(from: 0, to: numbers.count, by: 50) {
            for number in numbers[start..<(start + 50)].shuffled(using: &random) {
                mixed.append(Self.places([number], errorLimit: 1_000))
            }
        }
        #expect(Self.summary(mixed) == inOrder)
        var backwards = DamagedPlaces(errorLimit: 1_000)
        for number in numbers.reversed() { backwards.append(Self.places([number], errorLimit: 1_000)) }
        #expect(Self.summary(backwards) == inOrder)
    }

    @Test("an error that goes on over several stretches is counted once, also behind another one")
    func oneError() {
        var all = DamagedPlaces(errorLimit: 9)
        for (start, number) in [(20, 7), (0, 1), (30, 7), (10, 7), (40, 7)] as [(UInt64, Int)] {
            var one = DamagedPlaces(errorLimit: 9)
            one.append(start..<(start + 10), Self.error(number))
            all.append(one)
        }
        #expect(Self.summary(all) == ["0+50: 1 1", "1"])
    }

    @Test("a check and a copy of the same disk find the same places", arguments: [1, 4])
    func sameNumber(threadCount: Int) throws {
        var built = StreamOptimizedBuilder(Array(repeating: GrainContent.noise, count: 1_200)).build()
        // Around the ends of stretches, too.
        for grain in [0, 7, 8, 9, 510, 511, 512, 513, 1_199] {
            let place = built.grainOffset(grain)
            for offset in 100..<140 { built.bytes[place + offset] ^= 0x5a }
        }
        let appliance = try TestPackage.simple(built).open()
        let subject = CopySubject(appliance.disks[0])
        let disk = try #require(subject.place?.disk)
        let (damages, count) = DeepCheck(of: disk).run(threadCount: threadCount)
        let size = UInt64(built.grainByteCount)
        #expect(damages.map(\.guestOffset) == [0, 7, 510, 1_199].map { $0 * size })
        #expect(damages.map(\.byteCount) == [1, 3, 4, 1].map { $0 * size })
        #expect(damages.map(\.furtherCount) == [0, 2, 3, 0])
        #expect(damages[1].reason.hasSuffix(", and 2 more"))

        let folder = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let output = try OutputFile(
            path: FilePath(folder.appending(path: "out.raw").path), byteCount: disk.byteCount,
            overwrites: false)
        let map = DamageMap()
        try DiskCopy(of: disk, to: output, damage: map).run(threadCount: threadCount)
        #expect(map.places == damages.map { $0.guestOffset..<($0.guestOffset + $0.byteCount) })
        #expect(map.places.count == count)
    }
}

extension ReadError {
    fileprivate var offset: UInt64 {
        if case .corrupt(_, let offset, _) = self { offset } else { 0 }
    }
}
