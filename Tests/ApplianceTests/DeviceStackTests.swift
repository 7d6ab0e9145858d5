// Tests of what a write to one device changes, with a folder as the kernel shows its devices in.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Glibc
import SystemPackage
import Testing

@testable import Appliance

@Suite("Devices that stand on others")
struct DeviceStackTests {
    /// A disk with two partitions, two loop devices of one file, a mapped device on a partition and a loop device, and a
    /// device with a number that takes all the bits of its parts.
    private static func with(_ body: (DeviceStack, _ file: FileNumber) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "ovafs-\(UUID().uuidString)")
        let tree = root.appending(path: "tree")
        let list = root.appending(path: "block")
        defer { try? FileManager.default.removeItem(at: root) }
        try FileManager.default.createDirectory(at: list, withIntermediateDirectories: true)
        func add(_ path: String, _ number: String, _ files: [String: String] = [:]) throws {
            let entry = tree.appending(path: path)
            try FileManager.default.createDirectory(at: entry, withIntermediateDirectories: true)
            for (name, text) in files.merging(["dev": number], uniquingKeysWith: { $1 }) {
                let file = entry.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data((text + "\n").utf8).write(to: file)
            }
            try FileManager.default.createSymbolicLink(
                at: list.appending(path: number), withDestinationURL: entry)
        }
        // The name of a file may have anything in it.
        let image = root.appending(path: "disk \n.img")
        try Data("disk".utf8).write(to: image)
        try add("sda", "8:0")
        try add("sda/sda1", "8:1", ["partition": "1"])
        try add("sda/sda2", "8:2", ["partition": "2"])
        try add("loop0", "7:0", ["loop/backing_file": image.path])
        try add("loop0/loop0p1", "259:0", ["partition": "1"])
        try add("loop0/loop0p2", "259:1", ["partition": "2"])
        try add("loop1", "7:1", ["loop/backing_file": image.path])
        try add("loop2", "7:2", ["loop/backing_file": "/absent (deleted)"])
        try add("dm-0", "253:0", ["slaves/sda1/dev": "8:1", "slaves/loop0/dev": "7:0"])
        try add("dm-1", "253:1", ["slaves/sda1/dev": "8:1"])
        try add("big", "4660:74565")
        try add("big/big1", "4661:1048575", ["partition": "1"])
        try body(
            DeviceStack(folder: FilePath(list.path)),
            try #require(FileNumber(at: FilePath(image.path))))
    }

    /// The numbers as stat(2) has them in one.
    private static func device(_ number: dev_t) -> FileNumber { FileNumber(blockDevice: number) }

    private static let (disk, first, second) = (device(0x800), device(0x801), device(0x802))
    private static let (loop, otherLoop) = (device(0x700), device(0x701))
    private static let loopPartitions = [device(0x10300), device(0x10301)]

    @Test("a write to a disk changes its partitions, and one to a partition its disk, and no other partition")
    func partitions() throws {
        try Self.with { stack, _ in
            #expect(stack.isAnySource([Self.first], changedBy: Self.disk))
            #expect(stack.isAnySource([Self.disk], changedBy: Self.second))
            #expect(!stack.isAnySource([Self.first], changedBy: Self.second))
            #expect(
                stack.isAnySource(
                    [Self.device(0x1000_fff2_35ff)], changedBy: Self.device(0x1000_1232_3445)))
        }
    }

    @Test("a write to a loop device changes its file, and other devices of that file, and the reverse")
    func loopDevices() throws {
        try Self.with { stack, file in
            let parts = Self.loopPartitions
            for device in [Self.loop, Self.otherLoop] + parts {
                #expect(stack.isAnySource([file], changedBy: device))
                #expect(stack.isAnySource([device], changedBy: file))
                #expect(stack.isAnySource([device], changedBy: device))
            }
            #expect(stack.isAnySource([Self.loop], changedBy: Self.otherLoop))
            #expect(stack.isAnySource([parts[0]], changedBy: Self.otherLoop))
            #expect(!stack.isAnySource([parts[0]], changedBy: parts[1]))
            #expect(!stack.isAnySource([file], changedBy: Self.device(0x702)))
        }
    }

    @Test("a write to a mapped device changes all that it is made of, and not what else is made of that")
    func mappedDevices() throws {
        try Self.with { stack, file in
            let mapped = Self.device(0xfd00)
            for part in [file, Self.first, Self.disk, Self.loop, Self.otherLoop] {
                #expect(stack.isAnySource([part], changedBy: mapped))
                #expect(stack.isAnySource([mapped], changedBy: part))
            }
            #expect(!stack.isAnySource([mapped], changedBy: Self.device(0xfd01)))
            #expect(!stack.isAnySource([mapped], changedBy: Self.second))
        }
    }

    @Test("what the kernel does not show stands on nothing")
    func unknown() throws {
        try Self.with { stack, file in
            let unknown = Self.device(0x2b00)
            #expect(!stack.isAnySource([file, Self.disk], changedBy: unknown))
            #expect(stack.isAnySource([unknown], changedBy: unknown))
            #expect(!stack.isAnySource([], changedBy: Self.disk))
        }
    }
}
