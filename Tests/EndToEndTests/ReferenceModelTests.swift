// Random operations on real mounts, compared with a reader that is too simple to be wrong.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// OVAFS_MODEL_OPERATIONS says how many operations, OVAFS_MODEL_SEED which ones.
    @Suite struct ReferenceModelTests {
        private static func number(_ name: String, or usual: Int) -> Int {
            ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
        }

        /// Disks, as qemu-img reads them back, and the mounts on which they are.
        private final class Bench {
            let disks: [ReferenceDisk]
            private let mounts: [Mount]
            private let names: [String]
            /// One file at most for each mount and disk.
            private var files: [[Int: OpenFile]]

            init(_ disks: [ReferenceDisk], names: [String], on mounts: [Mount]) {
                self.disks = disks
                self.names = names
                self.mounts = mounts
                files = mounts.map { _ in [:] }
            }

            func closeAll() { files = mounts.map { _ in [:] } }

            /// What differs from the reference; nil where nothing does.
            func problem(with operation: ModelOperation) -> String? {
                do {
                    return try difference(operation)
                } catch {
                    return "\(error)"
                }
            }

            /// The first problem of a list.
            func problem(with operations: [ModelOperation]) -> String? {
                closeAll()
                defer { closeAll() }
                for operation in operations {
                    if let problem = problem(with: operation) { return "\(operation): \(problem)" }
                }
                return nil
            }

            private func file(_ operation: ModelOperation, isDirect: Bool? = nil) throws -> OpenFile {
                if let file = files[operation.mount][operation.disk],
                    isDirect ?? file.isDirect == file.isDirect
                {
                    return file
                }
                let file = try OpenFile(
                    mounts[operation.mount](names[operation.disk]), isDirect: isDirect ?? false)
                files[operation.mount][operation.disk] = file
                return file
            }

            private func difference(_ operation: ModelOperation) throws -> String? {
                let disk = disks[operation.disk]
                switch operation.kind {
                case .open(let isDirect): _ = try file(operation, isDirect: isDirect)
                case .close: files[operation.mount][operation.disk] = nil
                case .size:
                    let size = Int(try file(operation).file.status().st_size)
                    return size == disk.bytes.count ? nil : "\(size) bytes and not \(disk.bytes.count)"
                case .read(let offset, let count):
                    return Self.compare(
                        try file(operation, isDirect: false).read(count, at: offset), count, offset, disk)
                case .readDirectly(let offset, let count):
                    return Self.compare(
                        try file(operation, isDirect: true).read(count, at: offset), count, offset, disk)
                case .map(let offset, let count):
                    guard offset < disk.bytes.count else { return nil }
                    let count = min(count, disk.bytes.count - offset)
                    return Self.compare(
                        try file(operation).file.mapped(count, at: offset), count, offset, disk)
                case .seek(let offset, let whence):
                    let found = try file(operation).file.seek(offset, whence)
                    let wanted = disk.seek(offset, whence)
                    return found == wanted
                        ? nil : "\(found, default: "none") and not \(wanted, default: "none")"
                case .readThrough(let offset, let step, let steps):
                    let file = try file(operation, isDirect: false)
                    for number in 0..<steps {
                        let position = offset + number * step
                        if let problem = Self.compare(try file.read(step, at: position), step, position, disk)
                        {
                            return problem
                        }
                    }
                case .readAtOnce(let offsets, let count):
                    let file = try file(operation, isDirect: false)
                    return problems(with: offsets) { offset in
                        Bench.compare(try file.read(count, at: offset), count, offset, disk)
                    }.first
                case .dropCache:
                    posix_fadvise(try file(operation).file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
                }
                return nil
            }

            private static func compare(_ found: [UInt8], _ count: Int, _ offset: Int, _ disk: ReferenceDisk)
                -> String?
            {
                let wanted = disk.read(count, at: offset)
                if found == wanted { return nil }
                let index = zip(found, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
                return
                    "\(found.count) bytes, of which byte \(index ?? min(found.count, wanted.count)) is another; "
                    + "\(wanted.count) were to come"
            }
        }

        /// An open file; several threads may read it.
        private final class OpenFile: Sendable {
            let file: PosixFile
            let isDirect: Bool

            init(_ path: String, isDirect: Bool) throws {
                file = try PosixFile(path, flags: O_RDONLY | (isDirect ? PosixFile.direct : 0))
                self.isDirect = isDirect
            }

            /// All that there is to read, up to `count` bytes: read(2) may give less than is asked for.
            func read(_ count: Int, at offset: Int) throws -> [UInt8] {
                // Reads past the page cache want aligned memory as well.
                guard !isDirect else { return try file.readAligned(count, at: offset) }
                return try file.read(count, at: offset)
            }
        }

        /// Two disks in a package and one by itself, and what qemu-img says that is in them.
        private func makeDisks(in folder: TestFolder) throws -> (disks: [ReferenceDisk], names: [String]) {
            let www = try folder.makeFolder("www")
            let grain = 65_536
            let shapes: [(byteCount: Int, data: [Range<Int>])] = [
                (
                    (9 << 20) + 512,
                    [
                        0..<70_000, (1 << 20) + 5..<(3 << 20), (5 << 20)..<(5 << 20) + 1,
                        (9 << 20) + 100..<(9 << 20) + 512,
                    ]
                ),
                (
                    6 << 20,
                    [
                        (1 << 20)..<(1 << 20) + 4 * grain, (4 << 20) - 300..<(4 << 20) + 300,
                        (6 << 20) - grain..<(6 << 20),
                    ]
                ),
            ]
            var disks: [ReferenceDisk] = []
            for (number, shape) in shapes.enumerated() {
                let raw = folder("disk\(number).raw")
                try Fixtures.rawDisk(
                    raw, byteCount: shape.byteCount, data: shape.data, seed: UInt64(number) + 5)
                let image = www + (number == 0 ? "/disk0.vmdk" : "/disk1.qcow2")
                if number == 0 {
                    try Fixtures.vmdk(raw, to: image)
                } else {
                    try run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, image])
                }
                try run(["qemu-img", "convert", "-O", "raw", image, folder("back\(number).raw")])
                let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder("back\(number).raw"))))
                disks.append(ReferenceDisk(bytes: bytes, grain: grain))
            }
            let text = descriptor(
                files: [
                    ReferencedFile(id: "a", href: "disk0.vmdk"), ReferencedFile(id: "b", href: "disk1.qcow2"),
                ],
                disks: shapes.enumerated().map { number, shape in
                    ListedDisk(
                        id: "d\(number)", file: number == 0 ? "a" : "b", capacity: "\"\(shape.byteCount)\"")
                })
            try folder.write(text, to: "www/x.ovf")
            try Fixtures.tar(["x.ovf", "disk0.vmdk", "disk1.qcow2"], in: www, to: www + "/x.ova")
            return (disks, ["disk0.raw", "disk1.raw"])
        }

        private func withMounts(
            _ body: (_ disks: [ReferenceDisk], _ names: [String], _ mounts: [Mount]) throws -> Void
        ) throws {
            try withTestFolder { folder in
                let server = try WebServer(in: folder)
                defer { server.end() }
                let (disks, names) = try makeDisks(in: folder)
                let near = folder("www/x.ova")
                let mounts = try [
                    (near, ""), (near, "cache=none,cache_size=1M,threads=1"),
                    (folder("www/x.ovf"), "cache_size=2M"),
                    (server.address("x.ova"), "cache=none,cache_size=4M"), (server.address("x.ova"), ""),
                ].enumerated().map { number, mount in
                    try Mount(mount.0, in: folder, on: "m\(number)", options: mount.1)
                }
                try body(disks, names, mounts)
                for mount in mounts { try mount.unmount() }
            }
        }

        @Test(
            "F3 F5 F7 F10 F11 F12 O4 O5 W1: whatever is asked of several mounts in whatever order, a reader without cache and threads says the same"
        )
        func operations() throws {
            let seed = UInt64(Self.number("OVAFS_MODEL_SEED", or: 20_261_122))
            let count = Self.number("OVAFS_MODEL_OPERATIONS", or: 400)
            try withMounts { disks, names, mounts in
                let bench = Bench(disks, names: names, on: mounts)
                defer { bench.closeAll() }
                var random = SeededRandom(seed: seed)
                var done: [ModelOperation] = []
                for _ in 0..<count {
                    let operation = ModelOperation.random(
                        mounts: mounts.count, sizes: disks.map(\.bytes.count), using: &random)
                    done.append(operation)
                    guard let problem = bench.problem(with: operation) else { continue }
                    // What the mounts keep is not what it was; so a list may be longer than it has to be.
                    let list = shortest(done, attempts: 60) { bench.problem(with: $0) != nil }
                    Issue.record(
                        """
                        OVAFS_MODEL_SEED=\(seed), operation \(done.count): \(operation): \(problem)
                        What is left of the operations:
                        \(list.map(\.description).joined(separator: "\n"))
                        """)
                    return
                }
            }
        }

        @Test("F10: of operations that do not agree, the shortest list is found that still does not")
        func shortestList() throws {
            var random = SeededRandom(seed: 4)
            let operations = (0..<300).map { _ in
                ModelOperation.random(mounts: 3, sizes: [1 << 20, 1 << 22], using: &random)
            }
            let needed = [operations[77], operations[200]]
            let list = shortest(operations, attempts: 1_000) { list in
                var rest = needed[...]
                for operation in list where operation == rest.first { rest = rest.dropFirst() }
                return rest.isEmpty
            }
            #expect(list == needed)
            // A reference that errs in one byte, or in what it calls a hole, is told from a mount.
            try withTestFolder { folder in
                let (disks, names) = try makeDisks(in: folder)
                var bytes = disks[0].bytes
                bytes[2 << 20] ^= 1
                let wrong = [ReferenceDisk(bytes: bytes, grain: 512), disks[1]]
                try withMount(of: folder("www/x.ova"), in: folder) { mount in
                    let bench = Bench(wrong, names: names, on: [mount])
                    func problem(_ kind: ModelOperation.Kind) -> String? {
                        bench.problem(with: [ModelOperation(mount: 0, disk: 0, kind: kind)])
                    }
                    let around = (2 << 20) - 10
                    #expect(problem(.read(offset: around, count: 10)) == nil)
                    #expect(problem(.read(offset: around, count: 11))?.contains("byte 10 is another") == true)
                    #expect(problem(.readDirectly(offset: 2 << 20, count: 512)) != nil)
                    #expect(problem(.map(offset: 2 << 20, count: 1)) != nil)
                    #expect(problem(.readThrough(offset: around, step: 4, steps: 3)) != nil)
                    #expect(problem(.readAtOnce(offsets: [0, around], count: 11)) != nil)
                    #expect(problem(.seek(offset: (5 << 20) + 600, .hole)) != nil)
                }
            }
        }
    }
}
