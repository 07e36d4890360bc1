import Formats
import TestSupport
import Testing

@Suite("Addresses that may be stored and shown")
struct PublicAddressTests {
    @Test(
        "No password, no query, no fragment",
        arguments: [
            ("https://user:pw@host/a/Dockerfile?token=T", "https://host/a/Dockerfile"),
            ("https://x-access-token:T@github.com/o/r.git#main:dir", "https://github.com/o/r.git"),
            ("HTTPS://host:8443/a", "https://host:8443/a"), ("https://host?token=T", "https://host"),
            ("https://host#/x/T", "https://host"), ("https://user:p/w@host/a", "https://host/a"),
            ("ssh://me:pw@host:22/run", "ssh://me@host:22/run"), ("ssh://me@host", "ssh://me@host"),
            ("tcp://user:pw@host:2375", "tcp://host:2375"), ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("unix:///run/docker.sock", "unix:///run/docker.sock"), ("user:pw@https://host/a", "https://host/a"),
            ("git@github.com:o/r.git", "github.com:o/r.git"), ("user:pw@host:o/r", "user:host:o/r"),
            ("github.com/o/r?token=T", "github.com/o/r"), ("docker-image://alpine:3", "docker-image://alpine:3"),
        ] as [(ByteString, ByteString)])
    func public_(_ raw: ByteString, _ text: ByteString) {
        #expect(PublicAddress(raw).text == text)
        #expect(PublicAddress(PublicAddress(raw).text).text == text, "once more")
    }

    @Test(
        "Text that is not an address stays unchanged",
        arguments: [
            "/a/b@c/d?e#f", "./a:b@c", "/a://b@c?d", "../a://b@c?d", "-", "", "name", "--host", "--tls=true",
            "host:2375", "a/b@c",
        ]
            as [ByteString])
    func other(_ text: ByteString) {
        #expect(PublicAddress(text).text == text)
    }

    @Test("Each address in a text loses its secrets, and the rest stays unchanged")
    func text() {
        #expect(
            PublicAddress.redacting("--checksum=x https://u:pw@h/a?t=T /b/ https://h/c?d")
                == "--checksum=x https://h/a /b/ https://h/c")
        #expect(PublicAddress.redacting("[\"https://u:pw@h/a\", \"/b\"]") == "[\"https://h/a\", \"/b\"]")
        #expect(PublicAddress.redacting("a b\tc") == "a b\tc")
        for end in ["\"", "'", "`", "<", ">"] as [ByteString] {
            let text = "https://h" + end + "x@y"
            #expect(PublicAddress.redacting(text) == text, "it ends before the user's part would")
        }
        #expect(PublicAddress.redacting("--opt=https://pw@h\n://x@y://") == "--opt=https://h\n://y://")
    }

    @Test("Names of images are distinguished from texts that may contain credentials")
    func images() {
        let good: [ByteString] = ["app", "host:5000/team/app:1.2", "app@sha256:0123", "[::1]:5000/app"]
        let bad: [ByteString] = [
            "", "https://u:pw@h/app", "user:pw@host/app", "pw@host/app", "a b", "a?b", "@sha256:1",
        ]
        #expect(good.allSatisfy(PublicAddress.isImageName))
        #expect(!bad.contains(where: PublicAddress.isImageName))
    }

    @Test("Random texts never trap, and nothing before an @ comes out", arguments: 1...3 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var generator = Repeatable(seed: seed)
        let alphabet = ByteString(":/@?# .ab\"-[]=").bytes
        for _ in 0..<3_000 {
            let text = ByteString(
                (0..<Int.random(in: 0...30, using: &generator)).compactMap { _ in
                    alphabet.randomElement(using: &generator)
                })
            _ = PublicAddress(text)
            _ = PublicAddress.redacting(text)
            let plain = ByteString(text.bytes.filter { $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "/") })
            #expect(PublicAddress("https://u:SECRET" + plain + "@h/").text.range(of: "SECRET") == nil)
        }
    }
}
