// Tests of JSON that servers send.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import RemoteSources

@Suite("JSON of a server")
struct JSONParserTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

    @Test("values of all types are what they say")
    func values() throws {
        #expect(try parse(" null ") == .null)
        #expect(try parse("true") == .boolean(true))
        #expect(try parse("[false]") == .array([.boolean(false)]))
        #expect(try parse("-0.5e+10") == .number("-0.5e+10"))
        #expect(try parse("18446744073709551615").unsigned == UInt64.max)
        #expect(try parse("18446744073709551616").unsigned == nil)
        #expect(try parse("-1").unsigned == nil)
        #expect(try parse("1.0").unsigned == nil)
        let object = try #require(try parse(#"{"a": {"b": [1, "x"]}, "c" :null}"#).object)
        #expect(object["a"]?.object?["b"]?.array == [.number("1"), .string("x")])
        #expect(object["c"] == .null)
        #expect(object["d"] == nil)
        #expect(try parse(#"{"a":1,"a":2}"#).object?["a"]?.unsigned == 2)
        #expect(try parse("{}").object == JSONObject())
        #expect(try parse("[ ]").array == [])
    }

    @Test("escapes, also of characters that take two, and halves of those")
    func escapes() throws {
        #expect(try parse(#""\"\\\/\b\f\n\r\tü\u00fc\ud83d\ude00""#).string == "\"\\/\u{8}\u{c}\n\r\tüü😀")
        #expect(try parse(#""\ud83dx""#).string == "\u{fffd}x")
        #expect(try parse(#""\ude00""#).string == "\u{fffd}")
        #expect(try parse(#""\ud83d\u0041""#).string == "\u{fffd}A")
        #expect(try parse(#""\u0000""#).string == "\0")
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]", "nul", "truex",
            "01", "-",
            "1.", ".5", "1e", "+1", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"\\u-123\"",
            "\"\u{1}\"", "1 2",
            "'a'", "NaN", "[", "[[", "{\"a\":[", "\u{feff}1",
        ])
    func broken(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test("text that is no UTF-8 is refused")
    func encoding() {
        for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]] {
            #expect(throws: JSONError.self) { try JSONParser.parse([0x22] + bytes + [0x22]) }
        }
    }

    @Test("nesting and numbers of values have bounds")
    func bounds() throws {
        let deepest = JSONParser.depthLimit
        let nested = { (depth: Int) in
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try parse(nested(deepest)).array != nil)
        #expect(throws: JSONError.self) { try parse(nested(deepest + 1)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 1_000_000)) }
        let values = { (count: Int) in
            "[" + Array(repeating: "1", count: count - 1).joined(separator: ",") + "]"
        }
        #expect(try parse(values(JSONParser.valueLimit)).array?.count == JSONParser.valueLimit - 1)
        #expect(throws: JSONError.self) { try parse(values(JSONParser.valueLimit + 1)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "9", count: 65)) }
    }

    @Test("a name of a million marks takes no longer than any other")
    func marks() throws {
        let name = String(repeating: "\u{0301}\u{0323}", count: 500_000)
        let value = try parse("{\"a\(name)\": 1, \"b\(name)\": 2}")
        #expect(value.object?.members.count == 2)
    }

    @Test("bytes changed at random, and texts cut anywhere, trap nowhere")
    func mutations() throws {
        let text = Array(
            #"{"images": [{"id": "\u00fc\ud83d\ude00", "size": -12.5e3, "x": [true, null]}], "next": "/v2"}"#
                .utf8)
        var random = SystemRandomNumberGenerator()
        for length in text.indices { _ = try? JSONParser.parse(Array(text.prefix(length))) }
        var parsed = 0
        for _ in 0..<20_000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if (try? JSONParser.parse(bytes)) != nil { parsed += 1 }
        }
        #expect(parsed < 20_000)
        #expect(try JSONParser.parse(text).object?["next"]?.string == "/v2")
    }

    @Test("what is written is what is read")
    func roundTrip() throws {
        let value = JSONValue.object([
            "text": .string("a\"\\\n\u{1}ü😀"), "list": .array([.null, .boolean(false), .number("7")]),
            "section": .object(["": .string("")]),
        ])
        #expect(try JSONParser.parse(value.text) == value)
        #expect(
            String(decoding: JSONValue.object(["b": .null, "a": .null]).text, as: UTF8.self)
                == #"{"a":null,"b":null}"#)
    }
}
