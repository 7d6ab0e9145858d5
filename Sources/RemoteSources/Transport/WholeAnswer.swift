// The one place that decides whether an answer to a request for a whole file may be believed.
// SPDX-License-Identifier: Apache-2.0

/// The head of an answer without a range, judged before a byte of its body counts.
struct WholeAnswer {
    let status: Int
    let headers: HTTPHeaders
    /// The longest file that is taken, in bytes.
    let byteLimit: UInt64
    /// What is known of the object; its length may be `ObjectVersion.unknownByteCount`.
    let known: ObjectVersion?
    /// Whether the server has never answered with the file.
    let isFirst: Bool

    /// `bytes` with the length `ObjectVersion.unknownByteCount` where the end of the body tells it.
    func verdict(at date: Double) -> RangeAnswer.Verdict {
        guard status == 200 else {
            guard status != 206 else {
                return .again("the server answers with a part to a request for all", delay: nil)
            }
            // What else it may be does not depend on what was asked for.
            let verdict = RangeAnswer(
                status: status, headers: headers, asked: 0..<1, known: known, isFirst: isFirst
            ).verdict(at: date)
            return verdict == .withoutRanges ? .never("the server answers \(status)") : verdict
        }
        do throws(HTTPHeaders.Contradiction) {
            return try judged()
        } catch {
            return .again("the answer has the header \(error.name) twice, with different values", delay: nil)
        }
    }

    private func judged() throws(HTTPHeaders.Contradiction) -> RangeAnswer.Verdict {
        if let coding = try headers.only("content-encoding"), coding.lowercased() != "identity" {
            return unbelievable("the answer is compressed although that was ruled out")
        }
        let coding = try headers.only("transfer-encoding")?.lowercased()
        guard coding == nil || coding == "chunked" || coding == "identity" else {
            return unbelievable("the answer is compressed on its way although that was not asked for")
        }
        if let type = headers.first("content-type"), type.lowercased().hasPrefix("multipart/") {
            return unbelievable("the answer has several parts")
        }
        if let type = headers.first("content-type"), type.lowercased().hasPrefix("text/html") {
            return .never("the server answers with a page in place of the file: does it want a log-in?")
        }
        var length: UInt64?
        if coding != "chunked", let text = try headers.only("content-length") {
            guard let number = ContentRange.number(text) else {
                return .again("the length of the answer makes no sense", delay: nil)
            }
            length = number
        }
        let validator = ObjectVersion.Validator(headers)
        if let before = known?.validator, !before.isOfImage, let validator, validator != before {
            return .stale("its version has changed")
        }
        let knownLength = known.flatMap {
            $0.byteCount == ObjectVersion.unknownByteCount ? nil : $0.byteCount
        }
        if let length, let knownLength, length != knownLength {
            return known?.validator == nil
                ? .stale("its length is \(length) bytes, and was \(knownLength)")
                : .again("its length is \(length) bytes, and was \(knownLength)", delay: nil)
        }
        guard length != nil || knownLength != nil || coding == "chunked" else {
            return .never("the server has no ranges and does not say how long the file is")
        }
        let byteCount = length ?? knownLength ?? ObjectVersion.unknownByteCount
        guard byteCount <= byteLimit || byteCount == ObjectVersion.unknownByteCount else {
            return .never(
                "the server has no ranges, and there is no room for its \(byteCount) bytes: only \(byteLimit); name a folder with more by cache_dir"
            )
        }
        return .bytes(
            0..<byteCount, ObjectVersion(byteCount: byteCount, validator: known?.validator ?? validator))
    }

    /// A server that begins so goes on so.
    private func unbelievable(_ reason: String) -> RangeAnswer.Verdict {
        isFirst ? .never(reason) : .again(reason, delay: nil)
    }
}
