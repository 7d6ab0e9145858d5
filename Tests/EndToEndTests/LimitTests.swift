// What the system sets limits to: open files, the sizes of files: SEMANTICS C3, C12 and O9.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct LimitTests {
        /// A folder package with one disk in 3,000 pieces.
        private func manyChunks(in folder: TestFolder) throws -> (path: String, reference: String) {
            let members = try folder.makeFolder("members")
            let reference = folder("reference.raw")
            let byteCount = 3_000 * 1024
            try Fixtures.rawDisk(reference, byteCount: byteCount, data: [0..<byteCount], seed: 3)
            try shell(
                "split --bytes=1024 --numeric-suffixes --suffix-length=9 $1 $2/disk.img.", reference, members)
            try folder.write(
                descriptor(
                    files: [
                        ReferencedFile(
                            id: "a", href: "disk.img",
                            attributes: "ovf:size=\"\(byteCount)\" ovf:chunkSize=\"1024\"")
                    ],
                    disks: [ListedDisk(id: "d1", file: "a", capacity: "\"\(byteCount)\"")]),
                to: "members/x.ovf")
            return (members, reference)
        }

        @Test("C12: a folder of 3,000 files is read where 256 may be open until more are asked for")
        func openFiles() throws {
            try withTestFolder { folder in
                let (package, reference) = try manyChunks(in: folder)
                let point = try folder.makeFolder("mnt")
                try shell(
                    """
                    ulimit -Sn 256
                    "$1" info "$2" > /dev/null
                    "$1" extract "$2" -o "$4"
                    cmp "$4" "$5"
                    "$1" mount "$2" "$3"
                    cmp "$3/disk.raw" "$5"
                    "$1" unmount "$3"
                    """, try Ovafs.path(), package, point, folder("out.raw"), reference)
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        @Test(
            "C12 C4: where no more may be opened, one line says which limit it is",
            arguments: ["info", "mount"])
        func hardLimit(command: String) throws {
            try withTestFolder { folder in
                let (package, _) = try manyChunks(in: folder)
                let point = try folder.makeFolder("mnt")
                let result = try attempt(
                    [
                        "bash", "-c", "ulimit -n 256; exec \"$@\"", "bash", try Ovafs.path(), command,
                        package,
                    ] + (command == "mount" ? [point] : []))
                #expect(result.exitCode == 3, "\(result.standardError)")
                #expect(result.standardError.contains("256"), "\(result.standardError)")
                #expect(result.standardError.contains("ulimit -n"), "\(result.standardError)")
                #expect(result.standardError.split(separator: "\n").count == 1)
                #expect(folder.mountPoints().isEmpty && folder.processes().isEmpty)
            }
        }

        @Test("C12: a copy that outgrows the limit of a file's size is an error, and leaves nothing")
        func sizeOfCopy() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let out = try folder.makeFolder("out")
                let result = try attempt([
                    "bash", "-c", "ulimit -f 100; exec \"$@\"", "bash", try Ovafs.path(), "extract",
                    package.path,
                    "vmdisk2", "-o", out,
                ])
                #expect(result.exitCode == 1, "\(result.standardError)")
                #expect(result.standardError.contains("File too large"), "\(result.standardError)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: out).isEmpty)
            }
        }

        @Test(
            "C12 O9: a log that may not grow, or whose reader has stopped, costs its lines and not the mount")
        func logThatIsFull() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let point = try folder.makeFolder("mnt")
                for (log, limit) in [("full.log", "ulimit -f 1"), ("fifo", "true"), ("/dev/full", "true")] {
                    try shell(
                        """
                        cd "$4"
                        head --bytes=2000 /dev/zero > full.log
                        [ -p fifo ] || mkfifo fifo
                        # Holds the FIFO open, and fills it.
                        exec 8<> fifo; timeout 1 cat /dev/zero >&8 || true
                        ( \(limit); "$1" mount -o log=\(log) "$2" "$3" )
                        for try in 1 2 3; do ! cat "$3/damaged.raw" > /dev/null 2>&1 || exit 9; done
                        ls "$3" > /dev/null
                        "$1" unmount "$3"
                        """, try Ovafs.path(), image.path, point, folder.path, limit: 30)
                    try wait(for: "the server's end") { folder.processes().isEmpty }
                }
            }
        }

        @Test("O7 O9: a FIFO that no one reads is refused as a log, at once")
        func logWithoutReader() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("mnt")
                try run(["mkfifo", folder("fifo")])
                let result = try Ovafs.attempt(
                    "mount", package.path, point, "-o", "log=\(folder("fifo"))", limit: 10)
                #expect(result.exitCode == 2, "\(result.standardError)")
                #expect(result.standardError.contains("fifo"))
                #expect(folder.mountPoints().isEmpty)
            }
        }

        /// Has a damaged disk read whose errors go to the system's log, which is `log` here: its socket in a /dev with the
        /// devices that are needed.
        private func readDamage(in folder: TestFolder, _ log: (_ path: String) throws -> Void) throws {
            let image = try DamagedImage(in: folder)
            let point = try folder.makeFolder("mnt")
            let devices = try folder.makeFolder("dev")
            try log(devices + "/log")
            try run(
                [
                    "unshare", "--mount", "bash", "-euo", "pipefail", "-c",
                    """
                    { findmnt --list --noheadings --output TARGET --types fuse.ova || true; } | xargs --no-run-if-empty umount --lazy
                    for device in null zero urandom fuse; do
                        touch "$4/$device"; mount --bind "/dev/$device" "$4/$device"
                    done
                    mount --rbind "$4" /dev
                    "$1" mount -f -o log=syslog "$2" "$3" & server=$!
                    for try in $(seq 500); do mountpoint -q "$3" && break; sleep 0.02; done
                    code=0; timeout 10 cat "$3/damaged.raw" > /dev/null 2>&1 || code=$?
                    "$1" unmount "$3"
                    wait $server
                    [ $code = 1 ]
                    """, "bash", try Ovafs.path(), image.path, point, devices,
                ], limit: 30)
        }

        @Test(
            "O9: a line of the system's log says which process wrote it",
            .enabled(if: EndToEnd.isRoot, "needs root to put a log of its own into /dev"))
        func systemLog() throws {
            try withTestFolder { folder in
                var log: DatagramSocket?
                try readDamage(in: folder) { log = try DatagramSocket($0) }
                let line = try #require(log?.waiting().first { $0.contains("grain") })
                #expect(
                    line.firstMatch(of: #/^<27>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} ovafs\[[0-9]+\]: /#) != nil,
                    "\(line)")
            }
        }

        @Test(
            "O9: a system's log that takes nothing any more holds up no reader",
            .enabled(if: EndToEnd.isRoot, "needs root to put a log of its own into /dev"))
        func fullSystemLog() throws {
            try withTestFolder { folder in
                var log: DatagramSocket?
                try readDamage(in: folder) { path in
                    log = try DatagramSocket(path)
                    log?.fill(path)
                }
                #expect(log?.waiting().isEmpty == false)
            }
        }
    }
}

/// A socket that programs write their log to.
private final class DatagramSocket {
    private let descriptor: CInt

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let result = unsafe Self.withAddress(path) { unsafe bind(descriptor, $0, $1) }
        guard result == 0 else { throw SystemCallError(call: "bind \(path)", errno: errno) }
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
            unsafe field.copyBytes(from: path.utf8.prefix(field.count - 1))
        }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Sends messages to the socket at `path` until it takes no more.
    func fill(_ path: String) {
        let sender = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        defer { close(sender) }
        guard unsafe Self.withAddress(path, { unsafe connect(sender, $0, $1) }) == 0 else { return }
        while unsafe send(sender, "full", 4, CInt(MSG_DONTWAIT)) == 4 {}
    }

    deinit { close(descriptor) }

    /// What has arrived.
    func waiting() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = unsafe recv(descriptor, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            guard count > 0 else { return messages }
            messages.append(String(decoding: buffer.prefix(count), as: UTF8.self))
        }
    }
}
