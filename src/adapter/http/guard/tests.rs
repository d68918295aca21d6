use super::*;
use crate::model::secret::Secret;

fn address(text: &str) -> Address {
    Secret::new(text).into()
}

fn upload(text: &str, hosts: &[&str]) -> Result<(), &'static str> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    check(Peer::UploadHost, &address(text), &hosts).map(|_| ())
}

const HOSTS: &[&str] = &["*.myqcloud.com", "store.example.com"];

#[test]
fn links_may_lead_to_listed_hosts_only() {
    for address in [
        "https://b-1.cos.ap-shanghai.myqcloud.com/k?sign=x",
        "https://B-1.COS.ap-shanghai.MyQCloud.com/k",
        "https://cos.myqcloud.com:443/k",
        "https://store.example.com/k",
    ] {
        assert_eq!(upload(address, HOSTS), Ok(()), "{address}");
    }
    for address in [
        "https://myqcloud.com/k",
        "https://evilmyqcloud.com/k",
        "https://evil-myqcloud.com/k",
        "https://x.myqcloud.com.evil.org/k",
        "https://x.myqcloud.com./k",
        "https://.myqcloud.com/k",
        "https://a.store.example.com/k",
        "https://cos.myqcloud.com:8443/k",
        "https://cos.myqcloud.com:80/k",
        "http://cos.myqcloud.com/k",
        "https://user@cos.myqcloud.com/k",
        "https://cos.myqcloud.com:x@evil.org/k",
        "https://cos.myqcloud.com/k#part",
        "ftp://cos.myqcloud.com/k",
        "file:///etc/passwd",
        "https://127.0.0.1/k",
        "http://localhost/k",
        "http://[::1]/k",
        "https://10.0.0.1/k",
        "data:text/plain,x",
        "",
    ] {
        assert!(upload(address, HOSTS).is_err(), "{address}");
    }
    assert!(upload("https://cos.myqcloud.com/k", &[]).is_err());
    assert!(upload("https://cos.myqcloud.com/k", &["*."]).is_err());
    assert!(upload("https://cos.myqcloud.com/k", &["*"]).is_err());
}

#[test]
fn loopback_addresses_must_be_listed_themselves() {
    assert_eq!(upload("http://127.0.0.1:9/k", &["127.0.0.1"]), Ok(()));
    assert_eq!(upload("https://127.0.0.1:9/k", &["127.0.0.1"]), Ok(()));
    assert_eq!(upload("http://[::1]:9/k", &["::1"]), Ok(()));
    assert_eq!(upload("http://[::1]:9/k", &["[::1]"]), Ok(()));
    assert_eq!(upload("http://localhost:9/k", &["localhost"]), Ok(()));
    // However it is written, it is this one address.
    for same in [
        "http://127.1/k",
        "http://0x7f.1/k",
        "http://2130706433/k",
        "http://0177.0.0.1/k",
    ] {
        assert_eq!(upload(same, &["127.0.0.1"]), Ok(()), "{same}");
        assert!(upload(same, &["*.0.0.1", "localhost"]).is_err(), "{same}");
    }
    assert!(upload("http://127.0.0.2/k", &["127.0.0.1"]).is_err());
    assert!(upload("http://[::ffff:127.0.0.1]/k", &["127.0.0.1"]).is_err());
}

#[test]
fn local_addresses_are_refused_even_if_listed() {
    for host in [
        "169.254.169.254",
        "169.254.0.23",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[fe80::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
    ] {
        let listed = host.trim_matches(['[', ']']);
        assert!(
            upload(&format!("https://{host}/k"), &[listed]).is_err(),
            "{host}"
        );
    }
    // As numbers: the metadata address.
    for written in [
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.16689662",
    ] {
        assert!(
            upload(&format!("https://{written}/k"), &["169.254.169.254"]).is_err(),
            "{written}"
        );
    }
    for address in ["10.0.0.1", "192.168.1.1", "172.16.0.1", "203.0.113.5"] {
        assert_eq!(upload(&format!("https://{address}/k"), &[address]), Ok(()));
    }
}

#[test]
fn the_api_may_be_asked_by_https_or_on_this_machine() {
    let api = |text| check(Peer::Api, &address(text), &[]).is_ok();
    for address in [
        "https://api.weixin.qq.com/x?access_token=t",
        "http://127.0.0.1:8700/t",
        "http://127.9.9.9/t",
        "http://127.1/t",
        "http://[::1]:5/t",
        "http://LOCALHOST:5/t",
    ] {
        assert!(api(address), "{address}");
    }
    for address in [
        "http://api.weixin.qq.com/x",
        "http://localhost.evil.org/",
        "http://10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://user:pass@api.weixin.qq.com/",
        "gopher://127.0.0.1/",
        "nothing",
    ] {
        assert!(!api(address), "{address}");
    }
}
