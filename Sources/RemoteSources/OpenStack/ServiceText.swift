// Text of a server or a configuration, as a message may quote it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Makes text from outside fit for one line of a message.
enum ServiceText {
    /// What an error says at most of a server's own words, in bytes.
    private static let byteLimit = 300
    /// What is looked at of an answer in JSON, and of its words, in bytes.
    private static let answerByteLimit = 64 << 10
    private static let lookedAtByteLimit = 4_096

    /// `text` on one line, without control characters, cut where it is long.
    static func quotable(_ text: String, upTo byteLimit: Int = 200) -> String {
        var line = ""
        var isCut = false
        var wasSpace = false
        for scalar in text.unicodeScalars {
            guard line.utf8.count < byteLimit else {
                isCut = true
                break
            }
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .spaceSeparator:
                if !wasSpace { line.unicodeScalars.append(" ") }
                wasSpace = true
            case .format, .surrogate, .privateUse, .unassigned:
                line.unicodeScalars.append("\u{fffd}")
                wasSpace = false
            default:
                line.unicodeScalars.append(scalar)
                wasSpace = false
            }
        }
        return isCut ? line + "…" : line
    }

    /// What a service says of its refusal: `error.message` of Keystone, `message` or the words of a page of Glance; nil
    /// where there are none. None of `secrets` is in it, even where the server sends one back.
    static func message(in body: [UInt8], hiding secrets: [Secret]) -> String? {
        var words = body[...]
        if body.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") {
            guard body.count <= answerByteLimit, let object = (try? JSONParser.parse(body))?.object,
                let message = (object["error"]?.object?["message"] ?? object["message"])?.string
            else { return nil }
            words = Array(message.utf8)[...]
        }
        var text = String(decoding: wordsOfPage(Array(words.prefix(lookedAtByteLimit))), as: UTF8.self)
        for secret in secrets where secret.exposedText.utf8.count >= 4 {
            text = replacing(secret.exposedText, in: text)
        }
        // What follows in an answer of Glance is the rule, of hundreds of words, that a value breaks.
        if let rule = text.firstRange(of: "Failed validating ") { text = String(text[..<rule.lowerBound]) }
        text = quotable(text, upTo: byteLimit)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text.isEmpty ? nil : text
    }

    private static func replacing(_ secret: String, in text: String) -> String {
        let bytes = Array(text.utf8)
        let word = Array(secret.utf8)
        var shown: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position...].starts(with: word) {
                shown += "(secret)".utf8
                position += word.count
            } else {
                shown.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    /// What a page shows, behind its title where it has one: Glance writes the status there, and then the reason.
    private static func wordsOfPage(_ page: [UInt8]) -> [UInt8] {
        var words: [UInt8] = []
        var tag: [UInt8]?
        for byte in page {
            if byte == UInt8(ascii: "<") {
                tag = []
            } else if let open = tag {
                guard byte == UInt8(ascii: ">") else {
                    tag = open.count < 16 ? open + [byte.lowercasedASCII] : open
                    continue
                }
                tag = nil
                let name = String(decoding: open, as: UTF8.self)
                if name == "/h1" || name == "/title" || name == "/head" {
                    words = []
                } else {
                    words.append(0x20)
                }
            } else {
                words.append(byte)
            }
        }
        return withoutEntities(words)
    }

    private static let entities: [(name: [UInt8], byte: UInt8)] = [
        (Array("&lt;".utf8), UInt8(ascii: "<")), (Array("&gt;".utf8), UInt8(ascii: ">")),
        (Array("&quot;".utf8), UInt8(ascii: "\"")), (Array("&#x27;".utf8), UInt8(ascii: "'")),
        (Array("&#39;".utf8), UInt8(ascii: "'")), (Array("&amp;".utf8), UInt8(ascii: "&")),
    ]

    private static func withoutEntities(_ text: [UInt8]) -> [UInt8] {
        var shown: [UInt8] = []
        var position = 0
        while position < text.count {
            if text[position] == UInt8(ascii: "&"),
                let entity = entities.first(where: { text[position...].starts(with: $0.name) })
            {
                shown.append(entity.byte)
                position += entity.name.count
            } else {
                shown.append(text[position])
                position += 1
            }
        }
        return shown
    }
}
