// Requests that may have to wait: answered at once where that is possible, else by the threads that may wait.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import Synchronization

extension ServedTree {
    /// Answers at once, or hands the request over to those who may wait. Called by the threads of the session's loop,
    /// which take all requests: none of them waits for anything but a processor.
    func serve(_ request: FileRequest, owing reply: consuming Reply) {
        var owed: Reply? = consume reply
        // What the system has to ask someone for is asked when a file is opened, and whenever bytes are fetched.
        if case .open = request.operation, !request.source.isNear {
            if let reply = owed.take() { waiting.add(request, owing: reply) }
            return
        }
        let isOneOfFew =
            requestsUnderWay.add(1, ordering: .relaxed).newValue <= options.threadCount
        defer { requestsUnderWay.subtract(1, ordering: .relaxed) }
        do throws(ReadError) {
            try (isOneOfFew ? Patience.decodes : .usesCacheOnly).during { () throws(ReadError) in
                try answer(request) { owed.take() }
            }
        } catch {
            guard let reply = owed.take() else { return }
            guard !error.isWouldWait else { return waiting.add(request, owing: reply) }
            fail(request, with: error, owing: reply)
        }
    }

    /// Does what a request that waited asks for; `take` gives its answer, or nil where no one waits any more.
    func serveWaiting(_ request: FileRequest, _ take: () -> Reply?) {
        do throws(ReadError) {
            try answer(request, take)
        } catch {
            if let reply = take() { fail(request, with: error, owing: reply) }
        }
    }

    /// Does what `request` asks for, then answers with what `take` gives. Where it throws, nothing was taken.
    private func answer(_ request: FileRequest, _ take: () -> Reply?) throws(ReadError) {
        let source = request.source
        switch request.operation {
        case .open:
            WriteWatch.shared.takeEvents()
            // Pages that the kernel keeps are no longer right where the file behind them was changed.
            try source.validate()
            guard let reply = take() else { return }
            // Before the kernel can close it.
            catalogue?.noteOpening(of: request.inode)
            // What may turn out to be wrong does not come to be kept by the kernel.
            let mode = source.isProvisional ? .none : options.cacheMode
            if !reply.opened(mode) { catalogue?.noteClosing(of: request.inode) }
        case .read(let byteCount, let offset):
            // The only place that shortens a request to the file.
            let available = offset < source.byteCount ? source.byteCount - offset : 0
            let count = Int(min(UInt64(max(0, byteCount)), available))
            try lists.withObject { list throws(ReadError) in
                list.reserve(count)
                // Behind the end of a file there is nothing to ask for.
                if count > 0 { try source.gather(count, at: offset, into: list) }
                guard let reply = take() else { return }
                reply.data(list)
                statistics.countRead(byteCount: count)
            }
        case .count(let count):
            defer { _ = beingCounted.withLock { $0.remove(request.inode) } }
            _ = try count()
            _ = take()
        case .seek(let region, let start):
            guard start < source.byteCount else {
                take()?.failure(ENXIO)
                return
            }
            let found = try source.firstOffset(of: region, in: start..<source.byteCount)
            guard let reply = take() else { return }
            switch region {
            case .data:
                guard let found else { return reply.failure(ENXIO) }
                reply.offset(off_t(clamping: found))
            case .hole:
                // As lseek(2) has it, there is a hole at the end of every file.
                reply.offset(off_t(clamping: found ?? source.byteCount))
            }
        }
    }

    private func fail(_ request: FileRequest, with error: ReadError, owing reply: consuming Reply) {
        note(error, inode: request.inode, offset: request.offset, byteCount: request.byteCount)
        if case .read = request.operation { statistics.countFailedRead() }
        reply.failure(error.errnoForKernel)
    }
}
