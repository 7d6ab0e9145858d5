// The one answer that is owed to the kernel for a request.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CFuse
import Glibc

/// The answer to one request. Answering twice does not compile; not answering at all answers EIO.
@safe struct Reply: ~Copyable {
    private let request: fuse_req_t

    init(to request: fuse_req_t) {
        unsafe self.request = request
    }

    /// Whether the one who asked has been interrupted and no longer waits.
    var isInterrupted: Bool { unsafe fuse_req_interrupted(request) != 0 }

    consuming func failure(_ errno: CInt) {
        _ = unsafe fuse_reply_err(request, errno)
        discard self
    }

    consuming func success() {
        failure(0)
    }

    /// Answers with an entry. The result says whether the kernel has it: not where the one who asked was interrupted.
    @discardableResult
    consuming func entry(_ entry: fuse_entry_param) -> Bool {
        let result = unsafe withUnsafePointer(to: entry) { unsafe fuse_reply_entry(request, $0) }
        discard self
        return result == 0
    }

    consuming func attributes(_ attributes: stat, validFor seconds: Double) {
        _ = unsafe withUnsafePointer(to: attributes) { unsafe fuse_reply_attr(request, $0, seconds) }
        discard self
    }

    /// From now on, an interrupt of the one who asked calls off the waiting request `id`. One that came before does
    /// nothing by itself: `isInterrupted` tells.
    func callsInterrupt(of id: WaitingQueue.ID) {
        // SAFETY: the number is never used as an address.
        unsafe fuse_req_interrupt_func(
            request, interruptWaiting, UnsafeMutableRawPointer(bitPattern: UInt(id)))
    }

    /// Answers that a file is open, and how it is cached. The result says whether the kernel has it.
    consuming func opened(_ mode: SessionOptions.CacheMode) -> Bool {
        var file = fuse_file_info()
        switch mode {
        case .kernel: file.keep_cache = 1
        case .none: file.direct_io = 1
        }
        return unsafe opened(&file)
    }

    /// The same with a handle. The result says whether the kernel has it, and will close it.
    @discardableResult
    consuming func opened(_ file: UnsafePointer<fuse_file_info>) -> Bool {
        let result = unsafe fuse_reply_open(request, file)
        discard self
        return result == 0
    }

    /// Answers with the bytes of a list, which may be none.
    consuming func data(_ list: GatherList) {
        // SAFETY: the pieces are valid while the list is not emptied, and libfuse only reads them.
        unsafe list.pieces.withUnsafeBufferPointer { pieces in
            guard pieces.count > 1 else {
                _ = unsafe fuse_reply_buf(
                    request, pieces.first?.iov_base.assumingMemoryBound(to: CChar.self), list.byteCount)
                return
            }
            _ = unsafe fuse_reply_iov(request, pieces.baseAddress, CInt(pieces.count))
        }
        discard self
    }

    /// Answers with bytes. The result says whether the kernel has them.
    @discardableResult
    consuming func data(_ bytes: [UInt8]) -> Bool {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            unsafe fuse_reply_buf(
                request, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        discard self
        return result == 0
    }

    consuming func link(_ target: [UInt8]) {
        _ = unsafe (target + [0]).withUnsafeBytes { target in
            unsafe fuse_reply_readlink(request, target.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        discard self
    }

    consuming func extendedAttribute(byteCount: Int) {
        _ = unsafe fuse_reply_xattr(request, byteCount)
        discard self
    }

    consuming func offset(_ offset: off_t) {
        _ = unsafe fuse_reply_lseek(request, offset)
        discard self
    }

    consuming func fileSystem(_ status: statvfs) {
        _ = unsafe withUnsafePointer(to: status) { unsafe fuse_reply_statfs(request, $0) }
        discard self
    }

    deinit {
        _ = unsafe fuse_reply_err(request, EIO)
    }
}

/// Called by libfuse when a reader is interrupted; it holds a lock of the request, and keeps it until this has returned.
private func interruptWaiting(_ request: fuse_req_t?, _ number: UnsafeMutableRawPointer?) {
    guard let request = unsafe request else { return }
    unsafe served(request).waiting.interrupt(WaitingQueue.ID(UInt(bitPattern: number)))
}
