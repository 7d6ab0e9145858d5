// What a process in a sandbox tries, to show that it cannot.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import SystemPackage

/// One attempt after the other, each a line: its name, and the number of the error that it ends with, 0 for none.
struct SandboxProbe {
    /// Paths of files that are tried to be read, and to be made.
    var read: [FilePath] = []
    var make: [FilePath] = []
    /// TCP ports of this machine that are tried.
    var ports: [UInt16] = []
    /// Names of abstract sockets, of someone outside.
    var abstractNames: [String] = []

    /// Calls by their names, each with arguments that do no harm where it is permitted.
    private static let calls: [(name: String, number: CInt, arguments: (Int, Int, Int))] = [
        ("execve", __NR_execve, (0, 0, 0)), ("ptrace", __NR_ptrace, (16, -1, 0)),
        ("process_vm_readv", __NR_process_vm_readv, (-1, 0, 0)), ("mount", __NR_mount, (0, 0, 0)),
        ("umount2", __NR_umount2, (0, 0, 0)), ("pivot_root", __NR_pivot_root, (0, 0, 0)),
        ("chroot", __NR_chroot, (0, 0, 0)), ("fsopen", __NR_fsopen, (0, 0, 0)),
        ("move_mount", __NR_move_mount, (-1, 0, -1)), ("unshare", __NR_unshare, (0, 0, 0)),
        ("setns", __NR_setns, (-1, 0, 0)), ("open_by_handle_at", __NR_open_by_handle_at, (-1, 0, 0)),
        ("bpf", __NR_bpf, (-1, 0, 0)), ("perf_event_open", __NR_perf_event_open, (0, 0, -1)),
        ("userfaultfd", __NR_userfaultfd, (-1, 0, 0)), ("io_uring_setup", __NR_io_uring_setup, (0, 0, 0)),
        ("keyctl", __NR_keyctl, (-1, 0, 0)), ("add_key", __NR_add_key, (0, 0, 0)),
        ("kexec_load", __NR_kexec_load, (-1, -1, 0)), ("init_module", __NR_init_module, (0, 0, 0)),
        ("reboot", __NR_reboot, (0, 0, 0)), ("swapoff", __NR_swapoff, (0, 0, 0)),
        ("sethostname", __NR_sethostname, (0, -1, 0)), ("clock_settime", __NR_clock_settime, (-1, 0, 0)),
        ("setuid", __NR_setuid, (0, 0, 0)), ("capset", __NR_capset, (0, 0, 0)),
        ("personality", __NR_personality, (0xffff_ffff, 0, 0)), ("fchmod", __NR_fchmod, (-1, 0, 0)),
        ("fchown", __NR_fchown, (-1, 0, 0)), ("symlinkat", __NR_symlinkat, (0, -1, 0)),
        ("pidfd_getfd", __NR_pidfd_getfd, (-1, -1, 0)), ("seccomp", __NR_seccomp, (-1, 0, 0)),
        // No call has this number: an older kernel would answer so.
        ("unknown", 4_000, (0, 0, 0)),
    ]

    /// The lines, of a thread that was started in the sandbox.
    func lines() -> [String] {
        var lines = Self.calls.map { call in
            let (first, second, third) = call.arguments
            return "\(call.name) \(ovafs_attempt(Int(call.number), first, second, third))"
        }
        lines.append("fork \(ovafs_attempt_process())")
        lines.append("kill-parent \(kill(getppid(), 0) == 0 ? 0 : errno)")
        lines.append("kill-self \(kill(getpid(), 0) == 0 ? 0 : errno)")
        lines.append("no-new-privileges \(ovafs_process_control(PR_GET_NO_NEW_PRIVS, 0))")
        lines.append("dumpable \(ovafs_process_control(PR_GET_DUMPABLE, 0))")
        lines.append("user \(getuid())")
        lines.append("write-and-run \(Self.writableCode())")
        for path in read {
            lines.append("read:\(path) \(Self.open(path, O_RDONLY))")
            lines.append("write:\(path) \(Self.open(path, O_WRONLY))")
        }
        for path in make {
            let result = Self.open(path, O_WRONLY | O_CREAT | O_EXCL)
            lines.append("make:\(path) \(result)")
            if result == 0 { _ = unsafe path.withPlatformString { unsafe unlink($0) } }
        }
        lines.append("bind \(Self.bindPort())")
        for port in ports { lines.append("connect:\(port) \(Self.connect(to: port))") }
        for name in abstractNames { lines.append("abstract:\(name) \(Self.connect(toAbstract: name))") }
        return lines
    }

    private static func open(_ path: FilePath, _ flags: CInt) -> CInt {
        let file = unsafe path.withPlatformString {
            unsafe Glibc.open($0, flags | O_CLOEXEC | O_NONBLOCK, 0o600)
        }
        guard file >= 0 else { return errno }
        close(file)
        return 0
    }

    /// Memory that can be written and run.
    private static func writableCode() -> CInt {
        let pages = unsafe mmap(
            nil, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard unsafe pages != MAP_FAILED else { return errno }
        unsafe munmap(pages, 4096)
        return 0
    }

    private static func connect(to port: UInt16) -> CInt {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        return unsafe withLoopback(port) { unsafe Glibc.connect(socket, $0, $1) } == 0 ? 0 : errno
    }

    private static func bindPort() -> CInt {
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        return unsafe withLoopback(0) { unsafe Glibc.bind(socket, $0, $1) } == 0 ? 0 : errno
    }

    private static func withLoopback(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // SAFETY: the address lives for the call.
        return unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func connect(toAbstract name: String) -> CInt {
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [0] + Array(name.utf8.prefix(100))
        // SAFETY: the name is shorter than the room for it.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t((MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0) + bytes.count)
        // SAFETY: the address lives for the call, and is as long as is said.
        let result = unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(socket, $0, length)
            }
        }
        return result == 0 ? 0 : errno
    }
}
