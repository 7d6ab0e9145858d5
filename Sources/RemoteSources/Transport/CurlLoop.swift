// The one thread that libcurl works in.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CCurl
import Synchronization

/// libcurl's multi handle, used by one thread; others hand transfers to it.
// SAFETY: `multi` is used by the loop's thread alone, apart from waking it, which is done under the lock and not after
// the loop has ended.
@safe final class CurlLoop: @unchecked Sendable {
    private struct State {
        var pending: [CurlTransfer] = []
        var isStopped = false
        var hasEnded = false
    }

    /// Idle connections that are kept.
    private static let keptConnectionCount = 32
    /// libcurl is given no longer rest, in milliseconds: what it is woken by may be lost.
    private static let longestRest: CInt = 1_000

    private let multi: UnsafeMutableRawPointer
    private let userAgent: String
    private let state = SleepingMutex(State())

    /// Whether libcurl is there.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_SSL | CURL_GLOBAL_WIN32)) == CURLE_OK

    /// - Throws: `ReadError.system` where there is no memory.
    init(userAgent: String) throws(ReadError) {
        guard Self.isReady, let multi = unsafe curl_multi_init() else {
            throw .system(call: "curl_multi_init", errno: 12)
        }
        unsafe self.multi = multi
        self.userAgent = userAgent
        _ = unsafe ovafs_curl_multi_set_number(multi, CURLMOPT_MAXCONNECTS, Self.keptConnectionCount)
    }

    /// Hands a transfer to the loop.
    func start(_ transfer: CurlTransfer) {
        let isTaken = state.withLock { state in
            guard !state.isStopped else { return false }
            state.pending.append(transfer)
            unsafe curl_multi_wakeup(multi)
            return true
        }
        if !isTaken { transfer.end(.failure(Self.stopped(transfer))) }
    }

    /// Makes the loop look at its transfers.
    func wake() {
        state.withLock { state in
            if !state.hasEnded { unsafe curl_multi_wakeup(multi) }
        }
    }

    /// Ends all transfers and the loop.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            if !state.hasEnded { unsafe curl_multi_wakeup(multi) }
        }
    }

    /// What the thread does.
    func run() {
        var active: [Int: (CurlTransfer, CurlHandle)] = [:]
        while true {
            let (pending, isStopped) = state.withLock { state in
                defer { state.pending = [] }
                return (state.pending, state.isStopped)
            }
            guard !isStopped else {
                for transfer in pending { transfer.end(.failure(Self.stopped(transfer))) }
                break
            }
            for transfer in pending {
                if let refusal = transfer.refusal {
                    transfer.end(.failure(refusal))
                    continue
                }
                guard let handle = transfer.makeHandle(userAgent: userAgent),
                    unsafe curl_multi_add_handle(multi, handle.pointer) == CURLM_OK
                else {
                    transfer.end(
                        .failure(
                            TransportError(.connection, at: transfer.place, "no memory for a request")))
                    continue
                }
                active[handle.number] = (transfer, handle)
            }
            var runningCount: CInt = 0
            unsafe curl_multi_perform(multi, &runningCount)
            var code = CURLE_OK
            while let ended = unsafe ovafs_curl_multi_next_ended(multi, &code) {
                guard let (transfer, handle) = active.removeValue(forKey: Int(bitPattern: ended))
                else {
                    continue
                }
                let result = transfer.result(code, handle)
                unsafe curl_multi_remove_handle(multi, handle.pointer)
                transfer.end(result)
            }
            let hasMore = state.withLock { !$0.pending.isEmpty || $0.isStopped }
            if !hasMore { unsafe curl_multi_poll(multi, nil, 0, Self.longestRest, nil) }
        }
        for (transfer, handle) in active.values {
            unsafe curl_multi_remove_handle(multi, handle.pointer)
            transfer.end(.failure(Self.stopped(transfer)))
        }
        active.removeAll()
        state.withLock { $0.hasEnded = true }
        unsafe curl_multi_cleanup(multi)
    }

    /// Where there is no thread that runs it.
    func abandon() {
        state.withLock {
            $0.isStopped = true
            $0.hasEnded = true
        }
        unsafe curl_multi_cleanup(multi)
    }

    private static func stopped(_ transfer: CurlTransfer) -> TransportError {
        TransportError(.stopped, at: transfer.place, "the program ends")
    }
}
