import Formats
import Testing

@testable import Git

@Suite("A remote's address, the same for every spelling")
struct OriginURLTests {
    @Test(
        "The same repository",
        arguments: [
            "https://github.com/o/r", "https://github.com/o/r.git", "https://github.com/o/r/",
            "https://github.com/o/r.git/",
            "http://github.com/o/r", "HTTPS://GitHub.COM/o/r", "https://user@github.com/o/r",
            "https://user:token@github.com/o/r.git", "https://x-access-token:ghp_abc@github.com:443/o/r",
            "https://user:p@ss@github.com/o/r", "https://github.com/o/r?token=abc", "https://github.com/o/r.git#main",
            "https://github.com//o/r", "ssh://git@github.com/o/r", "ssh://git@github.com:22/o/r.git",
            "git@github.com:o/r",
            "git@github.com:o/r.git", "git@github.com:/o/r.git", "github.com:o/r", "git://github.com/o/r",
            "git://github.com:9418/o/r", "git+ssh://git@github.com/o/r", "  https://github.com/o/r\n",
            "http://github.com:80/o/r",
        ] as [ByteString])
    func same(_ url: ByteString) {
        #expect(OriginURL.normalized(url) == "github.com/o/r")
    }

    @Test(
        "Other repositories",
        arguments: [
            ("https://github.com/o/R", "github.com/o/R"), ("ssh://git@host:2222/o/r", "host:2222/o/r"),
            ("https://host:8443/o/r", "host:8443/o/r"), ("https://[::1]:443/o/r", "[::1]/o/r"),
            ("https://host/a/b/c/d.git", "host/a/b/c/d"), ("https://host/", "host"), ("https://host", "host"),
            ("https://host/.git", "host"), ("host:~user/r.git", "host/~user/r"),
            ("https://host/o/r.github.io", "host/o/r.github.io"),
            ("a:", "a"),
        ] as [(ByteString, ByteString)])
    func other(_ url: ByteString, _ name: ByteString) {
        #expect(OriginURL.normalized(url) == name)
    }

    @Test(
        "Local paths are not addresses",
        arguments: [
            ("/srv/r.git", "/srv/r.git"), ("../r", "../r"), ("file:///srv/r", "/srv/r"), ("FILE:///srv/r", "/srv/r"),
            ("./a:b", "./a:b"), ("r", "r"), ("", ""), (":x", ":x"), (" /srv/r ", "/srv/r"),
        ] as [(ByteString, ByteString)])
    func local(_ url: ByteString, _ path: ByteString) {
        #expect(OriginURL.normalized(url) == nil)
        #expect(OriginURL.localPath(url) == path)
    }

    @Test(
        "An address that names nothing is neither an address nor a path",
        arguments: ["https://", "://", "ssh:///", "https://user:SECRET@", "https://?token=SECRET", "https://:443/"]
            as [ByteString])
    func nameless(_ url: ByteString) {
        #expect(OriginURL.normalized(url) == nil)
        #expect(OriginURL.localPath(url) == nil)
    }

    @Test(
        "It never contains credentials",
        arguments: [
            "https://SECRET@host/o/r", "https://user:SECRET@host/o/r", "https://SECRET:x-oauth-basic@host/o/r",
            "https://user:a@SECRET@host/o/r", "https://host/o/r?access_token=SECRET", "https://host?token=SECRET",
            "https://host#SECRET", "https://host/o/r#SECRET", "https://user:SECRET@host",
            "https://user:SECRET@host:443",
            "ssh://user:SECRET@host/o/r", "user:SECRET@host:o/r", "user:SECRET@host/o/r.git", "SECRET@host:o/r",
            "https://user:x#SECRET@host/o/r", "https://user:SECRET/x@host/o/r", "https://user:12/SECRET@host/o/r",
            "https://user:x?SECRET@host/o/r",
        ] as [ByteString])
    func credentials(_ url: ByteString) {
        let name = OriginURL.normalized(url)
        #expect(name != nil)
        #expect(name?.lowercasedASCII.range(of: "secret") == nil)
    }
}
